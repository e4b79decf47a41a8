using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Ote.Cluster.Tunnel;
using Ote.Kube.Objects;
using Ote.Shim;
using Ote.Tests.Cluster.Handling;
using Ote.Tests.Cluster.Tunnel;
using Ote.Tests.Shim;
using Ote.Tests.Shim.Live;

namespace Ote.Tests.Cluster.Streams;

public sealed class LiveAccessTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_reach_a_cluster_two_levels_down_as_who_asks()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await using var door = await Door.OpenAsync(tree);

        var created = await door.SendAsync("c1", "alice", ["system:masters"], HttpMethod.Post, "/api/v1/namespaces/default/configmaps", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""");
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.NotNull(await tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
        var refused = await door.SendAsync("c1", "bob", [], HttpMethod.Get, "/api/v1/namespaces/default/configmaps");
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("bob", await refused.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Defect", "S2")]
    public async Task Nobody_makes_itself_another_by_headers()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await using var door = await Door.OpenAsync(tree);
        var answer = await door.SendAsync("c1", "bob", [], HttpMethod.Get, "/api/v1/namespaces/default/configmaps", headers: [("Impersonate-User", "alice"), ("impersonate-group", "system:masters"), ("X-Remote-Group", "system:masters")]);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upgraded_connection_carries_bytes_both_ways_until_either_side_ends_it(bool throughAShimProcess)
    {
        await using var echo = await EchoServer.StartAsync(Ct);
        await using var link = throughAShimProcess ? await ShimLink.StartAsync(new LiveOnly(echo.Address)) : null;
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct, shim: link?.Remote ?? (IClusterShim)new LiveOnly(echo.Address));
        await tree.ClusterIsAsync("c1", "online", Ct);
        await using var door = await Door.OpenAsync(tree);

        using var answer = await door.UpgradeAsync("c1", "/api/v1/namespaces/default/pods/p/exec?command=cat");
        await using var stream = await answer.Content.ReadAsStreamAsync(Ct);
        var sent = new byte[1024 * 1024];
        new Random(1).NextBytes(sent);
        var received = new byte[sent.Length];
        var reading = stream.ReadExactlyAsync(received, Ct).AsTask();
        await stream.WriteAsync(sent, Ct);
        await stream.FlushAsync(Ct);
        await reading.Soon();
        Assert.Equal(sent, received);
        Assert.Equal("alice", echo.LastUser);
        await stream.DisposeAsync();
        await echo.Ended.Task.Soon(); // the other end hears of it
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_command_told_before_its_end_comes_whole_to_who_reads_late_and_still_sends(bool throughAShimProcess)
    {
        const int Much = 3 * 1024 * 1024; // fits in what waits on the way
        await using var server = new LastWordsServer(Much);
        await using var link = throughAShimProcess ? await ShimLink.StartAsync(new LiveOnly(server.Address)) : null;
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct, shim: link?.Remote ?? (IClusterShim)new LiveOnly(server.Address));
        await tree.ClusterIsAsync("c1", "online", Ct);
        await using var door = await Door.OpenAsync(tree);

        using var answer = await door.UpgradeAsync("c1", "/api/v1/namespaces/default/pods/p/exec?command=cat");
        await using var stream = await answer.Content.ReadAsStreamAsync(Ct);
        var received = new byte[server.Told.Length];
        var count = 0;
        while (count < received.Length)
        {
            await stream.WriteAsync("ping"u8.ToArray(), Ct);
            var read = await stream.ReadAsync(received.AsMemory(count, Math.Min(64 * 1024, received.Length - count)), Ct);
            Assert.True(read > 0, $"ended after {count} of {received.Length} bytes");
            count += read;
        }

        Assert.Equal(server.Told, received);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_begins_before_there_is_any_of_it_as_a_watch_does_in_which_nothing_happens(bool throughAShimProcess)
    {
        await using var quiet = Loopback();
        quiet.Run(async context =>
        {
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });
        await quiet.StartAsync(Ct);
        var address = new Uri(quiet.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        await using var link = throughAShimProcess ? await ShimLink.StartAsync(new LiveOnly(address)) : null;
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct, shim: link?.Remote ?? (IClusterShim)new LiveOnly(address));
        await tree.ClusterIsAsync("c1", "online", Ct);
        await using var door = await Door.OpenAsync(tree);
        using var answer = await door.SendAsync("c1", "alice", [], HttpMethod.Get, "/api/v1/pods?watch=1").Soon();
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task A_cluster_that_is_away_unknown_or_without_live_access_is_said_so_at_once()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.AddAsync("mute", "root", [], Ct, shim: new Ote.Tests.Shim.ScriptedShim());
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.ClusterIsAsync("mute", "online", Ct);
        await using var door = await Door.OpenAsync(tree);
        await tree.StopAsync("c1");
        await tree.ClusterIsAsync("c1", "offline", Ct);
        foreach (var (cluster, code, method, target, word) in new[]
        {
            ("c1", 503, HttpMethod.Get, "/version", "is away"), ("north", 503, HttpMethod.Get, "/version", "no managed cluster"), ("mute", 503, HttpMethod.Get, "/version", "no live access"),
            ("nobody", 404, HttpMethod.Get, "/version", "cluster nobody is not known below root: otectl get clusters"),
            ("nobody", 503, HttpMethod.Get, "/api?timeout=32s", "not known"), // of discovery that is not found kubectl says nothing
            ("nobody", 503, HttpMethod.Delete, "/api/v1/namespaces/default/pods/p", "not known"), // who deletes would take it for done
        })
        {
            var answer = await door.SendAsync(cluster, "alice", [], method, target);
            var status = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Ct))!;
            Assert.Equal(code, (int)answer.StatusCode);
            Assert.Equal("Status", (string?)status["kind"]);
            Assert.Contains(word, (string?)status["message"], StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Defect", "S3")]
    public async Task A_stream_that_nobody_asked_for_is_not_taken()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        var evil = EvilChild.Admitted(tree, new PeerIdentity("evil", "u-evil"));
        var dialer = new WebSocketDialer(() => evil, TimeProvider.System);
        await Assert.ThrowsAsync<IOException>(() => dialer.DialStreamAsync(new Uri($"https://{tree.Listen("root")}"), new string('0', 32), Ct));
    }

    /// <summary>The root's door into clusters, as an API server would put it: who asks stands in headers.</summary>
    private sealed class Door(WebApplication app, HttpMessageInvoker invoker) : IAsyncDisposable
    {
        private string Address { get; } = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

        public static async Task<Door> OpenAsync(SmallTree tree)
        {
            var app = Loopback();
            app.Run(context => tree["root"].ForwardAsync(
                context, context.Request.Headers["X-Cluster"].ToString(), context.Request.Headers["X-User"].ToString(), [.. context.Request.Headers["X-Group"].OfType<string>()],
                context.Features.Get<IHttpRequestFeature>()!.RawTarget));
            await app.StartAsync(Ct);
            return new Door(app, new HttpMessageInvoker(new SocketsHttpHandler()));
        }

        public async Task<HttpResponseMessage> SendAsync(string cluster, string user, string[] groups, HttpMethod method, string target, string? body = null, (string, string)[]? headers = null)
        {
            using var request = new HttpRequestMessage(method, Address + target);
            request.Headers.Add("X-Cluster", cluster);
            request.Headers.Add("X-User", user);
            foreach (var group in groups)
            {
                request.Headers.Add("X-Group", group);
            }

            foreach (var (name, value) in headers ?? [])
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }

            request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
            return await invoker.SendAsync(request, Ct);
        }

        /// <summary>Asks as alice for a connection that both sides use as they like, and has it.</summary>
        public async Task<HttpResponseMessage> UpgradeAsync(string cluster, string target)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Address + target) { Version = HttpVersion.Version11 };
            request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
            request.Headers.TryAddWithoutValidation("Upgrade", "SPDY/3.1");
            request.Headers.TryAddWithoutValidation("X-User", "alice");
            request.Headers.TryAddWithoutValidation("X-Cluster", cluster);
            var answer = await invoker.SendAsync(request, Ct);
            Assert.Equal(HttpStatusCode.SwitchingProtocols, answer.StatusCode);
            return answer;
        }

        public async ValueTask DisposeAsync()
        {
            invoker.Dispose();
            await app.DisposeAsync();
        }
    }

    private static WebApplication Loopback()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        return builder.Build();
    }
}
