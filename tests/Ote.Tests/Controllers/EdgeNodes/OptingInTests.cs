using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Controllers.EdgeNodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Controllers.EdgeNodes;

/// <summary>What owners of nodes write, and what a controller makes for them.</summary>
public sealed class OptingInTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_duration_that_is_none_is_told_once_with_what_to_write_and_evicts_nobody()
    {
        await using var world = await EdgeNodeWorld.StartAsync();
        await world.AddNodeAsync("node", annotations: "\"ote.baidu.com/autonomy-duration\":\"abc\",");
        var log = new Lines();
        (await world.StartReplicaAsync(log)).Lead();
        await world.PhaseAsync("node", "Ready");
        world.Time.Advance(TimeSpan.FromSeconds(30));
        await world.PhaseAsync("node", "Autonomous");
        Assert.Contains("autonomy-duration is 'abc', which is no duration of at most 100 years, so it may be on its own for a day: write for instance 90s, 12h or 30d", (await world.StatusAsync("node")).Text("message"), StringComparison.Ordinal);
        Assert.Single(log.Warnings, line => line.Contains("'abc'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_that_a_selector_chooses_is_opted_in_unless_its_own_label_says_no()
    {
        await using var world = await EdgeNodeWorld.StartAsync();
        await world.AddNodeAsync("chosen", labels: "\"pool\":\"shop\",");
        await world.AddNodeAsync("refuses", labels: "\"pool\":\"shop\",\"ote.baidu.com/autonomy\":\"disabled\",");
        await world.AddNodeAsync("other", labels: "");
        (await world.StartReplicaAsync(options: new EdgeNodeControllerOptions { Chooses = labels => labels.Text("pool") == "shop" })).Lead();
        await world.PhaseAsync("chosen", "Ready");
        world.Time.Advance(TimeSpan.FromSeconds(30));
        await world.PhaseAsync("chosen", "Autonomous");
        await world.PhaseAsync("refuses", "Unknown");
        await world.PhaseAsync("other", "Unknown");
    }

    [Fact]
    public async Task Before_any_cut_one_sees_which_nodes_are_opted_in_and_at_which_site_and_no_time_of_those_that_are_heard()
    {
        await using var world = await EdgeNodeWorld.StartAsync();
        await world.AddNodeAsync("day");
        await world.AddNodeAsync("minutes", annotations: "\"ote.baidu.com/autonomy-duration\":\"90m\",");
        await world.AddNodeAsync("none", labels: "");
        (await world.StartReplicaAsync()).Lead();
        foreach (var (node, autonomy) in ((string, string?)[])[("day", "1d"), ("minutes", "90m"), ("none", null)])
        {
            await EdgeNodeWorld.UntilAsync(async () => (await world.StatusAsync(node)).Text("site") is not null);
            var status = await world.StatusAsync(node);
            Assert.Equal((autonomy, "hall", null), (status.Text("autonomy"), status.Text("site"), status.Text("lastHeard")));
        }

        world.Time.Advance(TimeSpan.FromSeconds(30));
        await world.PhaseAsync("day", "Autonomous");
        Assert.NotNull((await world.StatusAsync("day")).Text("lastHeard"));
    }

    [Fact]
    public async Task A_definition_that_somebody_takes_away_is_put_back_with_what_is_known()
    {
        await using var world = await EdgeNodeWorld.StartAsync();
        await world.AddNodeAsync("node");
        (await world.StartReplicaAsync()).Lead();
        await world.PhaseAsync("node", "Ready");
        await world.Client.DeleteAsync(Kinds.CustomResourceDefinitions, null, "edgenodes.ote.baidu.com", Token);
        await EdgeNodeWorld.UntilAsync(async () =>
        {
            await world.RenewAsync("node");
            world.Time.Advance(TimeSpan.FromSeconds(5));
            return (await world.StatusAsync("node")).Text("phase") == "Ready" && await world.Client.GetAsync(Kinds.CustomResourceDefinitions, null, "edgenodes.ote.baidu.com", Token) is not null;
        });
    }

    [Fact]
    public async Task Two_that_install_the_definition_at_once_both_go_on()
    {
        await using var api = await ApiServer.StartAsync(new ApiServerOptions { Name = "up" }, NullLoggerFactory.Instance, TimeProvider.System, Token);
        using var other = api.CreateClient(UserInfo.Admin);
        using var client = new KubeClient(new HttpClient(new Overtaken(api.CreateHandler(UserInfo.Admin), () => Controller(other).InstallAsync(Token))) { BaseAddress = other.Http.BaseAddress });
        await Controller(client).InstallAsync(Token);
        Assert.NotNull(await client.GetAsync(Kinds.CustomResourceDefinitions, null, "edgenodes.ote.baidu.com", Token));
    }

    private static EdgeNodeController Controller(KubeClient client) => new(client, new EdgeNodeControllerOptions(), TimeProvider.System, () => 0.5, new EdgeNodeMetrics(null), NullLogger.Instance);

    /// <summary>Another one is faster with the first thing that is made.</summary>
    private sealed class Overtaken(HttpMessageHandler inner, Func<Task> other) : DelegatingHandler(inner)
    {
        private bool _done;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method == HttpMethod.Post && !_done)
            {
                _done = true;
                await other();
            }

            return await base.SendAsync(request, cancellationToken);
        }
    }

    private sealed class Lines : ILogger
    {
        public ConcurrentQueue<string> Warnings { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning)
            {
                Warnings.Enqueue(formatter(state, exception));
            }
        }
    }
}
