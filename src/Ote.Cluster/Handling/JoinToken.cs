using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// A <c>JoinToken</c> object as the desk reads and counts it. Each use is written down together with who it was for, before anything
/// else is: a desk that dies in between neither admits one too many nor turns away the one it has counted.
/// </summary>
/// <param name="Object">The object, verbatim.</param>
internal readonly record struct JoinToken(JsonObject Object)
{
    // A token for more clusters than this has uses to spare, and its object stays small.
    private const int MostRecent = 64;

    /// <summary>What it allows.</summary>
    /// <param name="request">Who asks.</param>
    /// <param name="holdsName">Whether the uid that asks holds the name already.</param>
    public JoinTokenRecord Read(JoinRequest request, bool holdsName)
    {
        // Only how many were admitted, and whether this one was, matters to the decision.
        var wasAdmitted = holdsName || Recent.Contains(request.Uid);
        var used = new string[Math.Max(Object.Whole("status", "used") ?? 0, wasAdmitted ? 1 : 0)];
        Array.Fill(used, "");
        if (wasAdmitted)
        {
            used[0] = request.Uid;
        }

        var pattern = Object.Text("spec", "namePattern");
        return new JoinTokenRecord(
            Object.Name(),
            Object.Text("spec", "secretHash") ?? "",
            Object.Time("spec", "expiresAt"),
            Object.Whole("spec", "uses") switch { null => 1, 0 => null, var uses => (int)uses },
            used,
            string.IsNullOrEmpty(pattern) ? [] : [Routing.Glob.Matches(pattern, request.Name) ? request.Name : pattern],
            Object.Truth("spec", "autoAccept") ?? false);
    }

    /// <summary>Counts one more cluster; durable when it returns.</summary>
    /// <exception cref="KubeStatusException">A conflict when someone else has counted meanwhile: read again, decide again.</exception>
    public Task CountAsync(KubeClient api, string uid, CancellationToken ct)
    {
        var next = Object.Copy();
        var status = next.Child("status");
        status["used"] = (Object.Whole("status", "used") ?? 0) + 1;
        if (Object.Whole("spec", "uses") is null or (> 0 and <= MostRecent))
        {
            status["recent"] = new JsonArray([.. Recent.Append(uid).TakeLast(MostRecent).Select(u => (JsonNode)u)]);
        }

        return api.ReplaceStatusAsync(Kinds.JoinTokens, next, ct);
    }

    private IEnumerable<string> Recent => Object.Items("status", "recent")?.Select(u => u?.ToString() ?? "") ?? [];
}
