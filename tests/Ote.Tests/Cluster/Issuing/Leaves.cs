using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Issuing;

/// <summary>Leaves to issue in a <see cref="SmallTree"/>, as an operator gives them.</summary>
internal static class Leaves
{
    /// <summary>Lets a cluster issue, makes a token for it, and waits until it holds both.</summary>
    public static async Task<string> LeaveAsync(this SmallTree tree, string issuer, CancellationToken ct, int uses = 1, string pattern = "shop-*")
    {
        var token = await tree.TokenForAsync(issuer, ct, uses);
        await tree.PatchAsync(issuer, new JsonObject { ["until"] = DateTimeOffset.UtcNow.AddDays(30).ToKubeTime(), ["namePattern"] = pattern }, ct);
        await tree.HoldsAsync(issuer, 1, ct);
        return token;
    }

    /// <summary>Changes what a cluster may issue; null takes it back.</summary>
    public static Task<JsonObject> PatchAsync(this SmallTree tree, string issuer, JsonObject? issuing, CancellationToken ct) =>
        tree.Root.PatchAsync(Kinds.Clusters, null, issuer, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["issuing"] = issuing } }, ct);

    /// <summary>Makes a token for one issuer.</summary>
    public static async Task<string> TokenForAsync(this SmallTree tree, string issuer, CancellationToken ct, int uses = 1)
    {
        var token = JoinTokenText.Create(RandomNumberGenerator.Fill);
        await tree.Root.CreateAsync(Kinds.JoinTokens, null, new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "JoinToken",
            ["metadata"] = new JsonObject { ["name"] = token.Id },
            ["spec"] = new JsonObject { ["secretHash"] = token.SecretHash, ["uses"] = uses, ["autoAccept"] = true, ["issuer"] = issuer },
        }, ct);
        return token.Reveal();
    }

    /// <summary>Waits until an issuer has said that it holds its leave with so many tokens.</summary>
    public static Task<JsonObject> HoldsAsync(this SmallTree tree, string issuer, int tokens, CancellationToken ct) => SmallTree.UntilAsync(
        tree.Root, Kinds.Clusters, null, issuer, c => c.IsTrue("MayIssue") && c.Condition("MayIssue").Text("message")!.Contains($"by {tokens} join tokens", StringComparison.Ordinal), ct);
}
