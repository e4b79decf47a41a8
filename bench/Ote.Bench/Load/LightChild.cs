using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Bench.Load;

/// <summary>
/// Stands for a whole cluster controller at the far end of a link: the real EdgeTunnel with its TLS, its acknowledgements and its
/// heartbeats, but nothing behind it. It answers each command at once.
/// </summary>
internal sealed class LightChild(TunnelRuntime runtime, Func<CancellationToken, Task<(ClusterIdentity Identity, JoinedConnection? Connection)>> obtain, TimeProvider time, Func<double> random) : ILinkHandler, ILoadClient
{
    private readonly TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private EdgeTunnel? _tunnel;
    private string _name = "";
    private Task _running = Task.CompletedTask;
    private long _received;
    private long _since;
    private long _lostAt;
    private int _attachments;

    public long Received => Interlocked.Read(ref _received);

    public bool IsUp => _tunnel?.Link is { IsUp: true };

    public Standing? Standing => new(
        _tunnel?.Link is { IsUp: true } link ? link.Peer.Name : null, Volatile.Read(ref _since), Volatile.Read(ref _lostAt), Volatile.Read(ref _attachments), 0, (int)Received);

    public async Task StartAsync(Uri server, CancellationToken ct)
    {
        var (identity, joined) = await obtain(ct);
        _name = identity.Peer.Name;
        _tunnel = new EdgeTunnel(
            runtime, new EdgeTunnelOptions(), identity.Peer,
            new ParentSeeker(new FailoverOptions(), server, [], null, time, random, NullLogger.Instance),
            new WebSocketDialer(() => identity, time, joined: joined), this,
            new EdgeFacts { NextEpoch = EpochCounter.InMemory().Next, Membership = () => identity.Membership, Tags = static () => ["tier=bench"], Version = "bench" });
        _running = Task.Run(() => _tunnel.RunAsync(_stop.Token), ct);
        await _attached.Task.WaitAsync(ct);
    }

    public void Attached(ILink link, Welcome welcome, Hello? hello)
    {
        Volatile.Write(ref _since, time.GetTimestamp());
        Interlocked.Increment(ref _attachments);
        _attached.TrySetResult();
    }

    /// <summary>The tunnel connects again by itself.</summary>
    public void Detached(ILink link, string reason) => Volatile.Write(ref _lostAt, time.GetTimestamp());

    public ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct)
    {
        if (message.PayloadCase != Message.PayloadOneofCase.Command)
        {
            return ValueTask.CompletedTask;
        }

        Interlocked.Increment(ref _received);
        _ = AnswerAsync(link, message.Command, ct);
        return ValueTask.CompletedTask;
    }

    /// <summary>As a whole controller does: the command is taken, and so acknowledged, first; what came of it follows.</summary>
    private async Task AnswerAsync(ILink link, Command command, CancellationToken ct)
    {
        await Task.Yield();
        try
        {
            await link.SendAsync(Samples.Answer(_name, command, time.GetUtcNow().ToUnixTimeMilliseconds()), ct);
        }
        catch (Exception lost) when (lost is LinkClosedException or OperationCanceledException)
        {
            // The benchmark ends, or sees that an answer is missing.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }
}

/// <summary>The messages that travel, so that the baseline can write as many bytes.</summary>
internal static class Samples
{
    /// <summary>A Deployment of usual size.</summary>
    public const string Body = """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"nginx","namespace":"default","labels":{"app":"nginx"}},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"nginx"}},"template":{"metadata":{"labels":{"app":"nginx"}},"spec":{"containers":[{"name":"nginx","image":"nginx:1.27","ports":[{"containerPort":80}],"resources":{"requests":{"cpu":"50m","memory":"32Mi"}}}]}}}}""";

    private const int PacketBytes = 40; // frame head, lane, sequence, id, hops
    private static readonly ByteString Small = ByteString.CopyFromUtf8("""{"kind":"Status","apiVersion":"v1","status":"Success"}""");

    public static Message Answer(string cluster, Command command, long at) => new()
    {
        Lane = Lane.Commands,
        Receipts = new ReceiptBatch
        {
            Receipts =
            {
                new Receipt
                {
                    Cluster = cluster,
                    CommandUid = command.CommandUid,
                    Generation = command.Generation,
                    Entry = command.Entry,
                    Stage = Stage.Executed,
                    Code = 200,
                    Body = Small,
                    ContentType = "application/json",
                    AtUnixMilliseconds = at,
                },
            },
        },
    };

    public static (byte[] Command, byte[] Answer) Bare()
    {
        var command = new Command
        {
            Entry = "root",
            CommandUid = new string('u', 36),
            Generation = 1,
            Selector = "tier=bench",
            Destination = "api",
            Method = "POST",
            Url = "/apis/apps/v1/namespaces/default/deployments",
            Body = ByteString.CopyFromUtf8(Body),
            ContentType = "application/json",
            DeadlineUnixMilliseconds = 1L << 40,
            Requester = new Requester { User = "kubernetes-admin", Groups = { "system:masters", "system:authenticated" } },
            DisplayName = "default/round-1",
            RemainingMilliseconds = 1 << 20,
        };
        return (new byte[command.CalculateSize() + PacketBytes], new byte[Answer("b-00000", command, 1L << 40).CalculateSize() + PacketBytes]);
    }
}
