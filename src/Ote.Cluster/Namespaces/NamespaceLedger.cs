using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Namespaces;

/// <summary>
/// Which namespaces of the control API a policy means, and which it has meant and were deleted there since. It is written into the policy's status before anything is done by it: so a namespace
/// that is deleted while this controller does not run is known to have been one, and one that is merely not there, as after a control API was restored from a backup, deletes nothing. Pure, immutable.
/// </summary>
/// <param name="Carried">Name and uid, in the order of names.</param>
/// <param name="Retired">Name, uid and when that was seen, oldest first; none where the policy does not delete.</param>
internal sealed record NamespaceLedger(IReadOnlyList<(string Name, string Uid)> Carried, IReadOnlyList<(string Name, string Uid, string Since)> Retired)
{
    /// <summary>Of more namespaces the first are carried alone, and of more that went the newest deleted alone.</summary>
    public const int Most = 1000;

    /// <summary>What a status says.</summary>
    public static NamespaceLedger Of(JsonObject? status) => new(
        [.. (status.Items("carried") ?? []).Select(c => (c.Text("name") ?? "", c.Text("uid") ?? ""))],
        [.. (status.Items("retired") ?? []).Select(r => (r.Text("name") ?? "", r.Text("uid") ?? "", r.Text("since") ?? ""))]);

    /// <summary>What follows from what there is now.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="spaces">All namespaces of the control API.</param>
    /// <param name="now">The time.</param>
    /// <param name="meant">How many are meant, with those beyond <see cref="Most"/>.</param>
    public NamespaceLedger Next(NamespacePolicy policy, IEnumerable<JsonObject> spaces, DateTimeOffset now, out int meant)
    {
        var there = spaces.ToDictionary(s => s.Name(), StringComparer.Ordinal);
        var selected = there.Values.Where(policy.Selects).Select(s => (Name: s.Name(), Uid: s.Uid())).OrderBy(s => s.Name, StringComparer.Ordinal).ToArray();
        meant = selected.Length;
        if (!policy.Deletes)
        {
            return new NamespaceLedger([.. selected.Take(Most)], []);
        }

        var gone = Carried.Where(c => !there.TryGetValue(c.Name, out var space) || space.Uid() != c.Uid || space.IsDeleting()).Select(c => (c.Name, c.Uid, now.ToKubeTime()));
        return new NamespaceLedger([.. selected.Take(Most)], [.. Retired.Concat(gone).TakeLast(Most)]);
    }

    /// <summary>Writes it into a status.</summary>
    public void Write(JsonObject status)
    {
        status["carried"] = new JsonArray([.. Carried.Select(c => (JsonNode)new JsonObject { ["name"] = c.Name, ["uid"] = c.Uid })]);
        status["retired"] = new JsonArray([.. Retired.Select(r => (JsonNode)new JsonObject { ["name"] = r.Name, ["uid"] = r.Uid, ["since"] = r.Since })]);
    }
}
