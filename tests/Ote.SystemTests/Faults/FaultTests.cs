using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;
using Ote.Testing.Links;

namespace Ote.SystemTests.Faults;

/// <summary>
/// Whatever happens to the machines and the cables between them while commands are under way: in the end each command has ended
/// exactly once, and the tree is whole.
/// </summary>
public sealed class FaultTests(FaultTree tree) : IClassFixture<FaultTree>
{
    private const int Commands = 12;
    private const string Batch = "test.ote/batch";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PastTheLease = TimeSpan.FromSeconds(11);
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(3);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public Task ACableThatIsOut_losesNothing() => DuringAsync(
        () => tree.CableAbove("leaf").UnplugAsync(Ct), PastTheLease, () => tree.CableAbove("leaf").PlugAsync(Ct));

    /// <summary>The link is half open: one end hears nothing any more, the other is heard by nobody and not told.</summary>
    [Theory]
    [InlineData("mid", 1, 0)]
    [InlineData("leaf", 0, 1)]
    public Task ACableThatCarriesOneWayOnly_losesNothing(string below, double forth, double back) => DuringAsync(
        () => Set(below, WireFaults.None with { Forth = forth, Back = back }), PastTheLease, () => Set(below, WireFaults.None));

    [Fact]
    public async Task ALossyAndSlowCable_losesNothing()
    {
        WireFaults bad = new(TimeSpan.FromMilliseconds(100), 0.03, 0.03);
        await tree.EnsureStartedAsync(Ct);
        tree.CableAbove("mid").Faults = bad;
        await DuringAsync(() => Set("leaf", bad), Moment, () => Task.CompletedTask); // all ends while it is so
        tree.CableAbove("mid").Faults = tree.CableAbove("leaf").Faults = WireFaults.None;
    }

    [Theory]
    [InlineData("mid")]
    [InlineData("leaf")]
    public Task ACluster_thatComesFromAnotherAddress_losesNothing(string below) => DuringAsync(
        () => tree.CableAbove(below).RebindAsync(Ct), TimeSpan.Zero, () => Task.CompletedTask);

    [Theory]
    [InlineData("root")]
    [InlineData("mid")]
    [InlineData("leaf")]
    public Task AProcess_thatStandsStillAndGoesOn_losesNothing(string process) => DuringAsync(
        () => tree.FreezeAsync(process, frozen: true, Ct), PastTheLease, () => tree.FreezeAsync(process, frozen: false, Ct), apiAnswers: process != "root");

    /// <summary>A socket that is there and says nothing is no cluster that answers.</summary>
    [Fact]
    public async Task AShim_thatStandsStill_isToldWithinSecondsAndLosesNothing()
    {
        await DuringAsync(
            async () =>
            {
                await tree.FreezeAsync("shim", frozen: true, Ct);
                await UntilReachableIsAsync("leaf", "False");
            },
            TimeSpan.Zero,
            () => tree.FreezeAsync("shim", frozen: false, Ct));
        await UntilReachableIsAsync("leaf", "True");
    }

    [Theory]
    [InlineData("mid")]
    [InlineData("leaf")]
    public Task AFullDisk_losesNothing(string machine) => DuringAsync(
        () => tree.MachineOf(machine).FillDiskAsync(Ct),
        Moment,
        () =>
        {
            tree.MachineOf(machine).FreeDisk();
            return Task.CompletedTask;
        });

    [Fact]
    public Task ARoot_thatIsAwayForAWhile_losesNothing() => DuringAsync(
        () => tree["root"].KillAsync(), PastTheLease, () => tree["root"].StartAsync(), apiAnswers: false);

    /// <summary>The site comes back with a certificate of the former CA, hears of the next, and has one of its own before the former is dropped.</summary>
    [Fact]
    public async Task ACa_thatIsExchangedWhileASiteIsCutOff_losesNothing()
    {
        await DuringAsync(
            async () =>
            {
                await tree.CableAbove("leaf").UnplugAsync(Ct);
                await tree.CtlAsync(Ct, "ca", "rotate", "start");
                await UntilNotYetAsync("trusting", "leaf");
                await tree.CtlAsync(Ct, "ca", "rotate", "continue");
                await UntilNotYetAsync("renewed", "leaf");
            },
            PastTheLease,
            () => tree.CableAbove("leaf").PlugAsync(Ct));
        await UntilNotYetAsync("renewed", "none");
        await tree.CtlAsync(Ct, "ca", "rotate", "finish");
        await DuringAsync(() => tree.CableAbove("leaf").UnplugAsync(Ct), Moment, () => tree.CableAbove("leaf").PlugAsync(Ct)); // whole again with the next CA alone
    }

    /// <summary>Until a line of <c>ca rotate status</c> names these, and no other, as not there yet.</summary>
    private Task UntilNotYetAsync(string line, string clusters)
    {
        string? now = null;
        return UntilAsync(
            async () => (now = (await tree.CtlAsync(Ct, "ca", "rotate", "status")).Split('\n').FirstOrDefault(l => l.StartsWith(line, StringComparison.Ordinal)))?.EndsWith("not yet: " + clusters, StringComparison.Ordinal) == true,
            () => $"ca rotate status says '{now}'");
    }

    private Task UntilReachableIsAsync(string cluster, string status)
    {
        JsonNode? now = null;
        return UntilAsync(
            async () => (now = (await tree.Root.GetAsync(Kinds.Clusters, null, cluster, Ct))?.Condition("LocalClusterReachable")).Text("status") == status,
            () => $"LocalClusterReachable of {cluster} is {now?.ToJsonString()}, not {status}");
    }

    private Task Set(string below, WireFaults faults)
    {
        tree.CableAbove(below).Faults = faults;
        return Task.CompletedTask;
    }

    /// <summary>A third of the commands before the fault, a third during it, a third after; each is a create, so that a second run would be told as a conflict.</summary>
    private async Task DuringAsync(Func<Task> begin, TimeSpan lasts, Func<Task> end, bool apiAnswers = true)
    {
        await tree.EnsureStartedAsync(Ct);
        await UntilWholeAsync();
        string batch = RealClusters.FreshName("fault");
        string[] names = [.. Enumerable.Range(0, Commands).Select(i => $"{batch}-{i:00}")];

        await SendAsync(names[..4], batch);
        try
        {
            await begin();
            if (apiAnswers)
                await SendAsync(names[4..8], batch);
            await Task.Delay(lasts, TimeProvider.System, Ct);
        }
        finally
        {
            await end(); // the tree is that of the tests after this one, too
        }
        await UntilAsync(async () => await tree.Root.ListAsync(Kinds.Clusters, null, null, Ct) is not null, () => "the root's API did not answer");
        await SendAsync(apiAnswers ? names[8..] : names[4..], batch);

        await UntilAsync(async () => (await CommandsOfAsync(batch)).All(c => c.Text("status", "completionTime") is not null), () => "commands did not end");
        List<JsonObject> over = await CommandsOfAsync(batch);
        Assert.Equal(names, over.Select(c => c.Name()).Order());
        Assert.All(over, c => Assert.True(c.Text("status", "commandPhase") == "Succeeded", c.ToJsonString()));
        foreach (string name in names)
            Assert.Equal(["leaf 201"], await ResultsOfAsync(name));
        await UntilWholeAsync();
    }

    private async Task SendAsync(string[] names, string batch)
    {
        foreach (string name in names)
            await tree.Root.CreateAsync(Kinds.ClusterControllers, "default", Command(name, batch), Ct);
    }

    private Task UntilWholeAsync()
    {
        string[] now = [];
        return UntilAsync(async () => (now = await ClustersAsync()).SequenceEqual(["leaf mid online", "mid root online"]), () => $"the tree is not whole, but: {string.Join(", ", now)};");
    }

    private async Task<string[]> ClustersAsync() =>
        [.. (await tree.Root.ListAsync(Kinds.Clusters, null, null, Ct)).Items
            .Where(c => c.Name() != "root").Select(c => $"{c.Name()} {c.Text("status", "parentName")} {c.Text("status", "status")}").Order()];

    private static async Task UntilAsync(Func<Task<bool>> holds, Func<string> otherwise)
    {
        TimeProvider time = TimeProvider.System;
        string last = "";
        for (long began = time.GetTimestamp(); time.GetElapsedTime(began) < Patience;)
        {
            try
            {
                if (await holds())
                    return;
                last = "";
            }
            catch (HttpRequestException away)
            {
                last = $": {away.Message}";
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), time, Ct);
        }
        throw new TimeoutException($"{otherwise()} within {Patience.TotalSeconds:0} s{last}");
    }

    private static JsonObject Command(string name, string batch) => new()
    {
        ["apiVersion"] = Kinds.ClusterControllers.ApiVersion,
        ["kind"] = Kinds.ClusterControllers.Kind,
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default", ["labels"] = new JsonObject { [Batch] = batch } },
        ["spec"] = new JsonObject
        {
            ["clusterSelector"] = "leaf",
            ["method"] = "POST",
            ["url"] = "/api/v1/namespaces/default/configmaps",
            ["contentType"] = "application/json",
            ["body"] = $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"},"data":{"by":"{{{name}}}"}}""",
        },
    };

    private async Task<List<JsonObject>> CommandsOfAsync(string batch) =>
        [.. (await tree.Root.ListAsync(Kinds.ClusterControllers, "default", new ListQuery($"{Batch}={batch}"), Ct)).Items];

    private async Task<string[]> ResultsOfAsync(string command) =>
        [.. (await tree.Root.ListAsync(
            Kinds.ClusterControllerResults, "default", new ListQuery($"ote.baidu.com/command={command},ote.baidu.com/page=results"), Ct)).Items
            .SelectMany(page => page.Items("results")!.OfType<JsonObject>()).Select(item => $"{item.Text("cluster")} {item.Whole("code")}").Order()];
}
