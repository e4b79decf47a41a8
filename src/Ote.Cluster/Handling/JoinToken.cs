using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
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
    /// <param name="wasCounted">Whether the one that asks is known to be among those it has admitted.</param>
    public JoinTokenRecord Read(JoinRequest request, bool wasCounted)
    {
        var pattern = Object.Text("spec", "namePattern");
        return new JoinTokenRecord(
            Object.Name(),
            Object.Text("spec", "secretHash") ?? "",
            Object.Time("spec", "expiresAt"),
            Object.Whole("spec", "uses") switch { null => 1, 0 => null, var uses => (int)uses },
            (int)(Object.Whole("status", "used") ?? 0),
            wasCounted || Recent.Contains(Entry(new PeerIdentity(request.Name, request.Uid))),
            string.IsNullOrEmpty(pattern) ? [] : [Routing.Glob.Matches(pattern, request.Name) ? request.Name : pattern],
            Object.Truth("spec", "autoAccept") ?? false,
            Object.Text("spec", "issuer") ?? "");
    }

    /// <summary>Counts one more cluster in the object, which is then to be stored.</summary>
    /// <param name="who">Name and uid: a counted uid may ask again for its own name, not for another.</param>
    public void Count(PeerIdentity who)
    {
        var status = Object.Child("status");
        if (Object.Whole("spec", "uses") is null or (> 0 and <= MostRecent))
        {
            status["recent"] = new JsonArray([.. Recent.Append(Entry(who)).TakeLast(MostRecent).Select(e => (JsonNode)e)]);
        }

        status["used"] = (Object.Whole("status", "used") ?? 0) + 1;
    }

    private IEnumerable<string> Recent => Object.Items("status", "recent")?.Select(e => e?.ToString() ?? "") ?? [];

    // No name has a slash in it.
    private static string Entry(PeerIdentity who) => $"{who.Name}/{who.Uid}";
}
