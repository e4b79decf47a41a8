using Google.Protobuf;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using Ote.Testing.Meters;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A child answers for itself, to a whole root, what no cluster can: the others' answers are stored all the same.</summary>
public sealed class UnsoundReceiptTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const int AreAll = 17;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Defect", "P2")]
    public async Task Child_that_answers_nonsense_of_any_kind_leaves_each_command_able_to_end_for_the_others()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        using var counts = new Counts(tree.Meters);
        await tree.AddAsync("good", "root", ["tier=edge"], Ct);
        await using var evil = await EvilChild.AttachAsync(tree, Ct);
        await tree.ClusterIsAsync("good", "online", Ct);
        await tree.ClusterIsAsync("evil", "online", Ct);
        Assert.Equal(AreAll, Nonsense().Count);
        await Task.WhenAll(Nonsense().Keys.Select(async kind =>
        {
            var command = await tree.CommandAsync(Named(kind), "evil,good", "GET", ConfigMaps, "", Ct, more: spec => (spec["deadlineSeconds"], spec["maxResponseBytes"]) = (6, 4096));
            await SmallTree.UntilAsync(tree.Root, Kinds.ClusterControllers, "default", Named(kind), c => c.Whole("status", "targetCounts", "targets") == 2, Ct);
            var receipt = new Receipt { Cluster = "evil", CommandUid = command.Uid(), Generation = 1, Entry = "root", Stage = Stage.Executed, Code = 200, AtUnixMilliseconds = 1 };
            Nonsense()[kind].Change(receipt);
            await evil.SayAsync(new Message { Lane = Lane.Commands, Receipts = new ReceiptBatch { Receipts = { receipt } } }, Ct);
        }));
        Assert.Equal(Nonsense().Values.Count(k => k.IsCounted), counts.Of("ote.tunnel.violations", "reason=BadReceipt"));
        Assert.True(evil.IsUp); // one that only passes on what an older build below it says is not cut off for it

        foreach (var (kind, (_, taken, _)) in Nonsense())
        {
            await tree.OverAsync(Named(kind), Ct);
            var results = await tree.ResultsAsync(Named(kind), Ct);
            Assert.Equal((kind, "Succeeded"), (kind, results["good"].Text("outcome")));
            Assert.Equal((kind, taken ? "Succeeded" : "Expired"), (kind, results["evil"].Text("outcome")?.Replace("Failed", "Succeeded", StringComparison.Ordinal)));
            Assert.InRange(results["evil"].ToJsonString().Length, 1, 32 * 1024);
        }

        var now = TimeProvider.System.GetUtcNow();
        Assert.InRange((await tree.ResultsAsync(Named("latest time"), Ct))["evil"].Time("timestamp")!.Value, now.AddMinutes(-5), now);
    }

    /// <summary>What is nonsense about it, whether it can be taken after all, and whether it counts as a violation.</summary>
    private static Dictionary<string, (Action<Receipt> Change, bool IsTaken, bool IsCounted)> Nonsense() => new(StringComparer.Ordinal)
    {
        ["latest time"] = (r => r.AtUnixMilliseconds = long.MaxValue, true, true),
        ["earliest time"] = (r => r.AtUnixMilliseconds = long.MinValue, true, true),
        ["time after the last"] = (r => r.AtUnixMilliseconds = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() + 1, true, true),
        ["last time"] = (r => r.AtUnixMilliseconds = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds(), true, false),
        ["no stage"] = (r => r.Stage = Stage.Unspecified, false, true),
        ["unknown stage"] = (r => r.Stage = (Stage)99, false, true),
        ["negative stage"] = (r => r.Stage = (Stage)int.MinValue, false, true),
        ["negative code"] = (r => r.Code = int.MinValue, false, true),
        ["largest code"] = (r => r.Code = int.MaxValue, true, false),
        ["long text"] = (r => r.Text = new string('t', 300_000), true, true),
        ["long error"] = (r => r.Error = new string('e', 300_000), true, true),
        ["long content type"] = (r => (r.Body, r.ContentType) = (ByteString.CopyFromUtf8("x"), new string('c', 300_000)), true, true),
        ["more than travels"] = (r => r.Body = ByteString.CopyFrom(new byte[(1024 * 1024) + 1]), true, true),
        ["more than was asked for"] = (r => r.Body = ByteString.CopyFromUtf8(new string('b', 5000)), true, false),
        ["controls"] = (r => (r.Text, r.Error) = ("\0\u0001\uFFFF", "\0"), true, false),
        ["another generation"] = (r => r.Generation = ulong.MaxValue, false, false),
        ["no entry"] = (r => r.Entry = "../root", false, true),
    };

    private static string Named(string kind) => kind.Replace(' ', '-');
}
