using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A child with a good certificate that speaks in others' names to a whole root (S2, S3).</summary>
public sealed class ForgeryTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const string Body = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Child_that_answers_joins_or_commands_in_anothers_name_changes_nothing()
    {
        await using var tree = await SmallTree.StartAsync(Ct, o => o with { Tunnel = o.Tunnel with { Heartbeat = TimeSpan.FromMilliseconds(200) } });
        await tree.AddAsync("c1", "root", ["tier=edge"], Ct);
        await tree.AddAsync("c2", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.StopAsync("c1"); // so that its answer is waited for
        var command = await tree.CommandAsync("make", "c1", "POST", ConfigMaps, Body, Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.ClusterControllers, "default", "make", c => c.Whole("status", "targetCounts", "targets") == 1, Ct);

        await using (var evil = await Evil.AttachAsync(tree, Ct))
        {
            await evil.SayAsync(new Message
            {
                Lane = Lane.Commands,
                Receipts = new ReceiptBatch
                {
                    Receipts = { new Receipt { Cluster = "c1", CommandUid = command.Uid(), Generation = 1, Entry = "root", Stage = Stage.Executed, Code = 200, AtUnixMilliseconds = 1 } },
                },
            }, Ct);
            await evil.SayAsync(new Message
            {
                Lane = Lane.Control,
                JoinRequest = new JoinRequest
                {
                    RequestId = ByteString.CopyFrom(new byte[16]),
                    Token = await tree.TokenAsync(Ct),
                    Name = "ghost",
                    Uid = "u-ghost",
                    Csr = ByteString.CopyFrom(SigningRequest.Create("ghost", [], SigningRequest.NewKey())),
                    Via = { "c2" },
                },
            }, Ct);
            await evil.SayAsync(new Message
            {
                Lane = Lane.Commands,
                Command = new Command
                {
                    Entry = "root", CommandUid = "forged", Generation = 1, Selector = "c2", Destination = "api", Method = "POST", Url = ConfigMaps,
                    Body = ByteString.CopyFromUtf8(Body), ContentType = "application/json", RemainingMilliseconds = 60_000,
                },
            }, Ct);
            Assert.True(evil.IsUp);
        }

        // By now the root has dealt with all of it: each was acknowledged.
        Assert.Null(await tree.Root.GetAsync(Kinds.Clusters, null, "ghost", Ct));
        Assert.Null(await tree.Cluster("c2").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
        Assert.Null((await tree.Root.GetAsync(Kinds.ClusterControllers, "default", "make", Ct)).Text("status", "completionTime"));

        await tree.AddAsync("c1", "root", ["tier=edge"], Ct);
        var over = await tree.OverAsync("make", Ct);
        Assert.Equal(201, over.Whole("status", "c1", "code")); // its own word
        Assert.NotNull(await tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
    }

    /// <summary>The child's end of a link, with nothing behind it.</summary>
    private sealed class Evil : ILinkHandler, IAsyncDisposable
    {
        private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        private readonly TaskCompletionSource<ILink> _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenSource _stop = new();
        private readonly TunnelRuntime _runtime;
        private readonly Task _running;

        private Evil(SmallTree tree)
        {
            using var authority = CertificateAuthority.LoadOrCreate(Path.Combine(tree.Folder, "root", "identity"), TimeProvider.System);
            var identity = authority.CreateIdentity(new PeerIdentity("evil", "u-evil"), []);
            _runtime = new TunnelRuntime(
                TimeProvider.System, _services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), NullLoggerFactory.Instance, static () => 0.5, new byte[16]);
            var tunnel = new EdgeTunnel(
                _runtime, new EdgeTunnelOptions(), identity.Peer,
                new ParentSeeker(new FailoverOptions(), new Uri($"https://{tree.Listen("root")}"), [], null, TimeProvider.System, static () => 0.5, NullLogger.Instance),
                new WebSocketDialer(() => identity, TimeProvider.System), this, new EdgeFacts { NextEpoch = EpochCounter.InMemory().Next });
            _running = Task.Run(() => tunnel.RunAsync(_stop.Token));
        }

        public bool IsUp => _attached.Task is { IsCompletedSuccessfully: true, Result.IsUp: true };

        public static async Task<Evil> AttachAsync(SmallTree tree, CancellationToken ct)
        {
            var evil = new Evil(tree);
            await evil._attached.Task.WaitAsync(ct);
            return evil;
        }

        /// <summary>Completes when the parent has dealt with it.</summary>
        public async Task SayAsync(Message message, CancellationToken ct) => await (await _attached.Task).SendDurableAsync(message, ct);

        public void Attached(ILink link, Welcome welcome, Hello? hello) => _attached.TrySetResult(link);

        public void Detached(ILink link, string reason)
        {
            // At the end.
        }

        public ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct) => ValueTask.CompletedTask;

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _runtime.Dispose();
            _stop.Dispose();
            await _services.DisposeAsync();
        }
    }
}
