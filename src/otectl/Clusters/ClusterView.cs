using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary>Typed reading of a <c>Cluster</c> object.</summary>
/// <param name="Object">The object, verbatim.</param>
internal readonly record struct ClusterView(JsonObject Object)
{
    internal const string Online = "online";

    /// <summary>The status of one that waits for <c>otectl accept</c>.</summary>
    internal const string Pending = "pending";

    private const string Revoked = "Revoked";

    internal string Name => Object.Name();

    /// <summary>The parent's name; empty for the root.</summary>
    internal string Parent => Object.Text("status", "parentName") ?? "";

    /// <summary>
    /// <c>online</c> or <c>offline</c>; <c>unknown</c> behind a lost ancestor and before the root has said anything; <c>pending</c> while it
    /// waits to be accepted and <c>revoked</c> when it is shut out, which the root tells by a condition.
    /// </summary>
    internal string Status => Object.Condition("Accepted").Text("reason") is ("Pending" or Revoked) and var reason ? reason.ToLowerInvariant()
        : Object.Text("status", "status") is { Length: > 0 } status && !(IsOld && status == Online) ? status : "unknown";

    /// <summary>Nobody has kept the object up for a while, see <see cref="RootSign"/>: it may be online no more.</summary>
    internal bool IsOld { get; init; }

    /// <summary>The identity that holds the name: the one that attached, else the one that asked to join; empty when there was none.</summary>
    internal string Uid => Object.Text("status", "uid") is { Length: > 0 } attached ? attached : Object.Text("spec", "uid") ?? "";

    /// <summary>The tags in force, ordered.</summary>
    internal IReadOnlyList<string> Tags => [.. Texts("status", "tags").Order(StringComparer.Ordinal)];

    /// <summary>The tags an operator set, or null when none ever did.</summary>
    internal IReadOnlyList<string>? WantedTags => Object.Items("spec", "tags") is null ? null : [.. Texts("spec", "tags")];

    /// <summary>From the root down to the cluster, as <c>root/a/b</c>; empty when unknown.</summary>
    internal string Path => Object.Items("status", "path") is null ? Object.Text("status", "path") ?? "" : string.Join('/', Texts("status", "path"));

    /// <summary>The parent it was set up with; empty when unknown.</summary>
    internal string PreferredParent => Object.Text("status", "preferredParent") ?? "";

    /// <summary>The only parent an operator lets it have; empty: any.</summary>
    internal string PinnedParent => Object.Text("spec", "pinnedParent") ?? "";

    /// <summary>Parents an operator does not let it have, ordered.</summary>
    internal IReadOnlyList<string> ForbiddenParents => [.. Texts("spec", "forbiddenParents").Order(StringComparer.Ordinal)];

    /// <summary>Whether an operator has shut it out.</summary>
    internal bool IsRevoked => Object.Condition("Accepted").Text("reason") == Revoked;

    /// <summary>Whether an operator sends its children away.</summary>
    internal bool IsDrained => Object.Truth("spec", "drain") ?? false;

    /// <summary>Whether the cluster behind its shim answers, as the root tells: <c>True</c>, <c>False</c> or <c>Unknown</c>; empty when it manages none.</summary>
    internal string Local => Object.Condition("LocalClusterReachable").Text("status") ?? "";

    /// <summary>Its nodes that are ready, of all; empty when it does not tell.</summary>
    internal string Nodes => Object.Whole("status", "nodes", "total") is { } total ? $"{Object.Whole("status", "nodes", "ready") ?? 0}/{total}" : "";

    /// <summary>Its pods that run; empty when it does not tell.</summary>
    internal string Pods => Object.Whole("status", "pods", "running")?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "";

    /// <summary>How long its changes take to be reported; empty while that is not known.</summary>
    internal string Lag => Object.Text("status", "reportLag") ?? "";

    /// <summary>What its status does not tell and an operator looks for, in words; empty when there is nothing.</summary>
    internal string Remarks => string.Join(", ", new[]
    {
        IsOld && Object.Text("status", "status") == Online ? "was online" : "",
        MovedTo.Length > 0 ? $"moved to {MovedTo}" : "",
        Local == "False" ? "local cluster not answering" : "",
        Object.Condition("Reporting").Text("status") == "False" ? "does not report" : "",
        IsDrained ? "drained" : "",
        Object.Condition("AtHome").Text("status") == "False" ? $"away from {PreferredParent}" : "",
    }.Where(remark => remark.Length > 0));

    /// <summary>The parent it has attached to since, beyond what this API knows; empty: none that anybody told of.</summary>
    internal string MovedTo => Object.Text("status", "movedTo") ?? "";

    internal string Listen => Object.Text("status", "listen") ?? "";

    internal string Version => Object.Text("status", "version") ?? "";

    internal DateTimeOffset? Created => Object.Time("metadata", "creationTimestamp");

    private IEnumerable<string> Texts(string part, string field) =>
        Object.Items(part, field)?.Select(node => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : "").Where(text => text.Length > 0) ?? [];
}
