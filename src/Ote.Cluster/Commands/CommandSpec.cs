using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Access;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>A ClusterController object's spec, read and checked. Immutable.</summary>
/// <param name="Selector">Whom it is for.</param>
/// <param name="Command">What travels; its deadline is not set yet.</param>
/// <param name="Deadline">How long targets may take, from acceptance.</param>
/// <param name="LateDelivery">Whether clusters that are away get it when they come back.</param>
/// <param name="Cancel">Whether it is to end now.</param>
/// <param name="Retention">How long the object stays after the end; null: until someone deletes it.</param>
internal sealed record CommandSpec(ClusterSelector Selector, Command Command, TimeSpan Deadline, bool LateDelivery, bool Cancel, TimeSpan? Retention)
{
    /// <summary>Policies allow it for its targets one by one: it goes to them by name, so that it means nobody else on the way.</summary>
    public bool ByName { get; init; }

    /// <summary>When a command names no deadline.</summary>
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromHours(24);

    private const int MaxBodyBytes = 1024 * 1024;
    private const int MaxUrlLength = 8192;
    /// <summary>The longest of its times.</summary>
    public const int LongestSeconds = 366 * 24 * 3600;
    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    private static readonly string[] Destinations = ["api", "helm"];

    /// <summary>
    /// The command as it goes to clusters that are named: each of them checks itself whether it still matches, since nobody does on the way.
    /// </summary>
    public Command Named()
    {
        var named = Command.Clone();
        named.Condition = Selector.ExactNames is null ? Selector.Canonical : "";
        return named;
    }

    /// <summary>Reads a spec. All that is wrong with it is told at once, each with its field.</summary>
    /// <param name="obj">The object.</param>
    /// <param name="entry">The cluster whose control API holds it.</param>
    /// <param name="namesRequester">Whether that API server itself notes on an object who wrote it.</param>
    /// <param name="faults">What is wrong; empty when the result is not null.</param>
    public static CommandSpec? Read(JsonObject obj, string entry, bool namesRequester, out IReadOnlyList<string> faults)
    {
        var wrong = new List<string>();
        if (!ClusterSelector.TryParse(obj.Text("spec", "clusterSelector"), out var selector, out var error))
        {
            wrong.Add($"spec.clusterSelector: {error}");
        }

        var method = (obj.Text("spec", "method") ?? "").ToUpperInvariant();
        if (!Methods.Contains(method))
        {
            wrong.Add($"spec.method: '{method}' is none of {string.Join(", ", Methods)}");
        }

        var url = obj.Text("spec", "url") ?? "";
        if (!url.StartsWith('/') || url.Length > MaxUrlLength)
        {
            wrong.Add($"spec.url: '{(url.Length > 64 ? url[..64] + "…" : url)}' must be a path of the cluster's API that starts with '/', at most {MaxUrlLength} characters");
        }

        var destination = obj.Text("spec", "destination") is { Length: > 0 } named ? named : "api";
        if (!Destinations.Contains(destination))
        {
            wrong.Add($"spec.destination: '{destination}' is none of {string.Join(", ", Destinations)}");
        }

        var body = ByteString.CopyFromUtf8(obj.Text("spec", "body") ?? "");
        if (body.Length > MaxBodyBytes)
        {
            wrong.Add($"spec.body: {body.Length} bytes; at most {MaxBodyBytes} travel");
        }

        var deadline = Seconds(obj, "deadlineSeconds", 1, wrong);
        var timeout = Seconds(obj, "timeoutSeconds", 1, wrong);
        var retention = Seconds(obj, "ttlSecondsAfterFinished", 0, wrong);
        var largest = obj.Whole("spec", "maxResponseBytes") ?? 0;
        if (largest is < 0 or > MaxBodyBytes)
        {
            wrong.Add($"spec.maxResponseBytes: {largest} is not between 0 and {MaxBodyBytes}");
        }

        faults = wrong;
        if (wrong.Count > 0)
        {
            return null;
        }

        var command = new Command
        {
            Entry = entry,
            CommandUid = obj.Uid(),
            Generation = (ulong)obj.Generation(),
            Selector = selector!.Canonical,
            Destination = destination,
            Method = method,
            Url = url,
            Body = body,
            ContentType = obj.Text("spec", "contentType") ?? "",
            TimeoutMilliseconds = (uint)(timeout?.TotalMilliseconds ?? 0),
            MaxResponseBytes = (uint)largest,
            Requester = WhoAsked(obj, entry, namesRequester),
            DisplayName = obj.Key(),
            Traceparent = CommandTrace.Of(obj),
        };
        return new CommandSpec(
            selector, command, deadline ?? DefaultDeadline, obj.Truth("spec", "lateDelivery") ?? true, obj.Truth("spec", "cancel") ?? false, retention);
    }

    /// <summary>
    /// The same as far as it is certain once somebody has cancelled it: who asked for it is no longer noted on the object, and what it asks may
    /// have been edited with the wish to cancel, which is not carried out.
    /// </summary>
    public CommandSpec Ending() => this with
    {
        Command = new Command
        {
            Entry = Command.Entry,
            CommandUid = Command.CommandUid,
            Generation = Command.Generation,
            Selector = Command.Selector,
            DisplayName = Command.DisplayName,
            Traceparent = Command.Traceparent,
        },
    };

    private static TimeSpan? Seconds(JsonObject obj, string field, int least, List<string> wrong)
    {
        if (obj.Whole("spec", field) is not { } seconds)
        {
            return null;
        }

        if (seconds < least || seconds > LongestSeconds)
        {
            wrong.Add($"spec.{field}: {seconds} is not between {least} and {LongestSeconds}");
            return null;
        }

        return TimeSpan.FromSeconds(seconds);
    }

    /// <summary>
    /// The embedded API server stamps who wrote the spec and lets nobody forge it. Another API server does neither, so what it holds
    /// may be written by anyone; there the command acts as the controller of its entry, with just the rights that clusters grant to
    /// <c>ote:commanders</c>.
    /// </summary>
    public static Requester WhoAsked(JsonObject obj, string entry, bool namesRequester)
    {
        var stamped = namesRequester ? StampedRequester.Of(obj, "ote.baidu.com/requested-by") : null;
        return stamped ?? new Requester { User = $"ote:cluster-controller:{entry}", Groups = { "ote:commanders" } };
    }
}
