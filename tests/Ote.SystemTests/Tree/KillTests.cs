using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Tree;

/// <summary>Processes of the tree are killed without warning while commands are under way.</summary>
[Collection(nameof(RealTree))]
public sealed class KillTests(RealTree tree)
{
    private const int Commands = 12;
    private const string Batch = "test.ote/batch";
    private const int SuffixLength = 5; // of a name that an API server generates
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>
    /// Each command has the cluster make a name, so that each run leaves an object of its own and a second one would be counted. Whether a
    /// create of which the answer was lost has run, nobody can tell then: the target says so itself, and nobody but the victim's may.
    /// </summary>
    [Theory]
    [InlineData("root")]
    [InlineData("region")]
    [InlineData("a")]
    [InlineData("a-shim")]
    [InlineData("b")]
    [InlineData("b-shim")]
    [InlineData("c")]
    [InlineData("d")]
    public async Task Process_killedMidCommand_nothingRunsTwiceAndNothingIsLost(string victim)
    {
        await tree.EnsureStartedAsync(Ct);
        string batch = RealClusters.FreshName("kill");
        string[] names = [.. Enumerable.Range(0, Commands).Select(i => $"{batch}-{i:00}")];

        // All at once, and it dies when the first of them is given: some are under way however fast the machine is.
        Task[] giving = [.. names[..(Commands / 2)].Select(name => tree.Root.CreateAsync(Kinds.ClusterControllers, "default", Command(name, batch), Ct))];
        await Task.WhenAny(giving);
        await tree[victim].KillAsync();
        await Task.WhenAll(giving);
        Assert.Contains(await CommandsOfAsync(batch), command => !IsOver(command)); // that was given before it died
        foreach (string name in names[(Commands / 2)..])
            await tree.Root.CreateAsync(Kinds.ClusterControllers, "default", Command(name, batch), Ct);
        await tree[victim].StartAsync();

        await AllOverAsync(batch);
        Dictionary<string, string[]> made = [];
        foreach (string leaf in RealTree.Leaves)
            made[leaf] = await MadeAtAsync(leaf, batch);
        foreach (string name in names)
        {
            JsonObject[] results = await ItemsOfAsync(name);
            Assert.Equal(RealTree.Leaves, results.Select(item => item.Text("cluster")!).Order());
            foreach (JsonObject item in results)
            {
                string leaf = item.Text("cluster")!;
                int times = made[leaf].Count(name.Equals);
                if (item.Whole("code") == 201)
                    Assert.Equal((name, leaf, 1), (name, leaf, times));
                else
                    Assert.True(item.Text("error") == "OutcomeUnknown" && victim.Split('-')[0] == leaf && times <= 1, $"{times} objects: {item.ToJsonString()}");
            }
        }
        Assert.All(RealTree.Leaves, leaf => Assert.Contains(names[^1], made[leaf])); // none was under way before it was back
    }

    /// <summary>What an API server that is away refuses waits for it; what was under way when it went is an answer, and must be true to whether the command ran.</summary>
    [Theory]
    [InlineData("c")]
    [InlineData("d")]
    public async Task Cluster_killedMidCommand_eachCommandEndsOnceAndItsResultIsTrue(string leaf)
    {
        await tree.EnsureStartedAsync(Ct);
        string batch = RealClusters.FreshName("kill");
        string[] names = [.. Enumerable.Range(0, Commands).Select(i => $"{batch}-{i:00}")];

        foreach (string name in names[..(Commands / 2)])
            await tree.Root.CreateAsync(Kinds.ClusterControllers, "default", Command(name, batch), Ct);
        await tree[$"{leaf}-cluster"].KillAsync();
        foreach (string name in names[(Commands / 2)..^1])
            await tree.Root.CreateAsync(Kinds.ClusterControllers, "default", Command(name, batch), Ct);
        await tree[$"{leaf}-cluster"].StartAsync();
        await tree.Kubectl(leaf).UntilAsync(text => text == "ok", Patience, Ct, "get", "--raw", "/readyz");
        await tree.Root.CreateAsync(Kinds.ClusterControllers, "default", Command(names[^1], batch), Ct);
        await AllOverAsync(batch);

        string[] there = await MadeAtAsync(leaf, batch);
        Assert.Distinct(there);
        foreach (string name in names)
        {
            JsonObject[] results = await ItemsOfAsync(name);
            Assert.Equal(RealTree.Leaves, results.Select(item => item.Text("cluster")!).Order());
            Assert.All(results.Where(item => item.Text("cluster") != leaf), item => Assert.Equal(201, item.Whole("code")));
            JsonObject own = results.Single(item => item.Text("cluster") == leaf);
            bool ran = own.Whole("code") == 201;
            Assert.True(ran || own.Text("error") is "Unreachable" or "OutcomeUnknown", own.ToJsonString());
            if (own.Text("error") is not ("Unreachable" or "OutcomeUnknown")) // these say themselves that it may have run
                Assert.Equal(ran, there.Contains(name));
        }
        Assert.Contains(names[^1], there);
        Assert.Contains(names[(Commands / 2)..^1], there.Contains); // given while it was away
    }

    private static bool IsOver(JsonObject command) => command.Text("status", "completionTime") is not null;

    private static JsonObject Command(string name, string batch) => new()
    {
        ["apiVersion"] = "ote.baidu.com/v1",
        ["kind"] = "ClusterController",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default", ["labels"] = new JsonObject { [Batch] = batch } },
        ["spec"] = new JsonObject
        {
            ["clusterSelector"] = "role=leaf",
            ["method"] = "POST",
            ["url"] = "/api/v1/namespaces/default/configmaps",
            ["contentType"] = "application/json",
            ["body"] = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ConfigMap",
                ["metadata"] = new JsonObject { ["generateName"] = $"{name}-", ["labels"] = new JsonObject { [Batch] = batch } },
            }.ToJsonString(),
        },
    };

    private async Task<List<JsonObject>> CommandsOfAsync(string batch) =>
        [.. (await tree.Root.ListAsync(Kinds.ClusterControllers, "default", new ListQuery($"{Batch}={batch}"), Ct)).Items];

    private async Task<List<JsonObject>> AllOverAsync(string batch)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        while (true)
        {
            List<JsonObject> commands = await CommandsOfAsync(batch);
            if (commands.Count == Commands && commands.All(IsOver))
                return commands;
            if (time.GetElapsedTime(began) > Patience)
            {
                string late = string.Join('\n', commands.Where(command => !IsOver(command)).Select(command => $"{command.Name()}: {command["status"]?.ToJsonString()}"));
                throw new TimeoutException($"not over within {Patience.TotalSeconds:0} s:\n{late}");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), time, Ct);
        }
    }

    private async Task<JsonObject[]> ItemsOfAsync(string command)
    {
        KubeList pages = await tree.Root.ListAsync(
            Kinds.ClusterControllerResults, "default", new ListQuery($"ote.baidu.com/command={command},ote.baidu.com/page=results"), Ct);
        return [.. pages.Items.SelectMany(page => page.Items("results")!.OfType<JsonObject>())];
    }

    /// <summary>The commands of which a leaf has an object: each as often as it has run.</summary>
    private async Task<string[]> MadeAtAsync(string leaf, string batch)
    {
        string names = await tree.Kubectl(leaf).ExpectAsync("get", "configmaps", "-n", "default", "-l", $"{Batch}={batch}", "-o", "jsonpath={.items[*].metadata.name}");
        return [.. names.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => name[..^(SuffixLength + 1)]).Order()];
    }
}
