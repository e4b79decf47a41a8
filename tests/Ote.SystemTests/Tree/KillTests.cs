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
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Each command is a create, so that a second run would be told as a conflict.</summary>
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

        Task killed = Task.CompletedTask;
        foreach (string name in names)
        {
            if (name == names[Commands / 2])
                killed = tree[victim].KillAsync();
            await tree.Root.CreateAsync(Kinds.ClusterControllers, "default", Command(name, batch), Ct);
        }
        await killed;
        Assert.Contains(await CommandsOfAsync(batch), command => !IsOver(command));
        await tree[victim].StartAsync();

        List<JsonObject> over = await AllOverAsync(batch);
        Assert.All(over, command => Assert.True(command.Text("status", "commandPhase") == "Succeeded", command.ToJsonString()));
        foreach (string name in names)
            Assert.Equal(["a 201", "b 201", "c 201", "d 201"], await ResultsOfAsync(name));
        foreach (string leaf in RealTree.Leaves)
            Assert.Equal(names, await ConfigMapsOfAsync(leaf, batch));
    }

    /// <summary>A cluster's API server that is away is an answer too; whether the command ran must then be true to it.</summary>
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
        await AllOverAsync(batch, Commands - 1);
        await tree[$"{leaf}-cluster"].StartAsync();
        await tree.Kubectl(leaf).UntilAsync(text => text == "ok", Patience, Ct, "get", "--raw", "/readyz");
        await tree.Root.CreateAsync(Kinds.ClusterControllers, "default", Command(names[^1], batch), Ct);
        await AllOverAsync(batch);

        string[] there = await ConfigMapsOfAsync(leaf, batch);
        foreach (string name in names)
        {
            JsonObject[] results = await ItemsOfAsync(name);
            Assert.Equal(RealTree.Leaves, results.Select(item => item.Text("cluster")!).Order());
            Assert.All(results.Where(item => item.Text("cluster") != leaf), item => Assert.Equal(201, item.Whole("code")));
            JsonObject own = results.Single(item => item.Text("cluster") == leaf);
            bool ran = own.Whole("code") == 201;
            Assert.True(ran || own.Text("error") is "Refused" or "Unreachable" or "OutcomeUnknown", own.ToJsonString());
            if (own.Text("error") is not ("Unreachable" or "OutcomeUnknown")) // these say themselves that it may have run
                Assert.Equal(ran, there.Contains(name));
        }
        Assert.Contains(names[^1], there);
        Assert.Contains(names, name => !there.Contains(name));
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
                ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { [Batch] = batch } },
            }.ToJsonString(),
        },
    };

    private async Task<List<JsonObject>> CommandsOfAsync(string batch) =>
        [.. (await tree.Root.ListAsync(Kinds.ClusterControllers, "default", new ListQuery($"{Batch}={batch}"), Ct)).Items];

    private async Task<List<JsonObject>> AllOverAsync(string batch, int count = Commands)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        while (true)
        {
            List<JsonObject> commands = await CommandsOfAsync(batch);
            if (commands.Count == count && commands.All(IsOver))
                return commands;
            if (time.GetElapsedTime(began) > Patience)
            {
                string late = string.Join('\n', commands.Where(command => !IsOver(command)).Select(command => $"{command.Name()}: {command["status"]?.ToJsonString()}"));
                throw new TimeoutException($"not over within {Patience.TotalSeconds:0} s:\n{late}");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), time, Ct);
        }
    }

    private async Task<string[]> ResultsOfAsync(string command) =>
        [.. (await ItemsOfAsync(command)).Select(item => $"{item.Text("cluster")} {item.Whole("code")}").Order()];

    private async Task<JsonObject[]> ItemsOfAsync(string command)
    {
        KubeList pages = await tree.Root.ListAsync(
            Kinds.ClusterControllerResults, "default", new ListQuery($"ote.baidu.com/command={command},ote.baidu.com/page=results"), Ct);
        return [.. pages.Items.SelectMany(page => page.Items("results")!.OfType<JsonObject>())];
    }

    private async Task<string[]> ConfigMapsOfAsync(string leaf, string batch)
    {
        string names = await tree.Kubectl(leaf).ExpectAsync("get", "configmaps", "-n", "default", "-l", $"{Batch}={batch}", "-o", "jsonpath={.items[*].metadata.name}");
        return [.. names.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order()];
    }
}
