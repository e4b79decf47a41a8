using System.Collections.Concurrent;
using System.Security.Cryptography;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Streams;

/// <summary>
/// Byte streams from a controller to clusters below it, beside the links: who wants one asks down, and each cluster on the way dials its parent for it, so that only those who
/// are below need to be able to dial. Clusters between join the two streams and look at nothing. Thread-safe.
/// </summary>
/// <param name="routes">Who is where.</param>
/// <param name="linkTo">The links to children.</param>
/// <param name="dial">Dials the parent of now for a stream.</param>
/// <param name="live">Serves streams to the own cluster.</param>
/// <param name="absences">Who is away.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it logs.</param>
/// <param name="stop">Ends all streams.</param>
internal sealed class StreamDesk(
    RouteKeeper routes, Func<string, ILink?> linkTo, Func<string, CancellationToken, Task<ByteStream>> dial, LiveServer live, Absences absences, TimeProvider time,
    ILogger log, CancellationToken stop) : StreamDoor
{
    /// <summary>So long a stream may take to stand.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private const int MostAwaited = 1024;
    private const int IdBytes = 16;
    private readonly ConcurrentDictionary<string, Awaited> _awaited = new(StringComparer.Ordinal);

    /// <summary>Opens a stream to a cluster of the subtree, or to the own one. It ends when the cluster has been away for <see cref="Absences.KeptFor"/>.</summary>
    /// <exception cref="StreamRefusedException">There is none.</exception>
    public async Task<Stream> OpenAsync(string cluster, Requester requester, CancellationToken ct)
    {
        var open = new OpenStream { Id = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(IdBytes)), Cluster = cluster, Requester = requester, Entry = routes.Self.Name };
        if (cluster == routes.Self.Name)
        {
            live.Check();
            var (one, other) = DuplexPair.Create();
            _ = ServeOwnAsync(other, open);
            return one;
        }

        var stream = await AskAsync(open, ct).ConfigureAwait(false);
        _ = EndWithAsync(stream, cluster);
        return stream;
    }

    /// <summary>Takes what the parent asks for; never waits.</summary>
    public void FromAbove(ILink parent, OpenStream open) => _ = Task.Run(() => CarryAsync(parent, open), CancellationToken.None);

    /// <summary>A child says that there is no such stream.</summary>
    public void Refused(ILink child, StreamRefused refused)
    {
        if (_awaited.TryGetValue(Name(refused.Id), out var awaited) && awaited.Child == child.Peer.Name)
        {
            awaited.Dialled.TrySetException(new StreamRefusedException(refused.Text, refused.Final));
        }
    }

    public override bool IsAwaited(string id, PeerIdentity child) => _awaited.TryGetValue(id, out var awaited) && awaited.Child == child.Name;

    public override async Task ServeAsync(string id, PeerIdentity child, ByteStream stream)
    {
        if (IsAwaited(id, child) && _awaited.TryRemove(id, out var awaited) && awaited.Dialled.TrySetResult(stream))
        {
            await stream.Closed.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Break(stream);
    }

    /// <summary>Asks the child behind which the cluster is, and waits until it dials.</summary>
    private async Task<ByteStream> AskAsync(OpenStream open, CancellationToken ct)
    {
        if (routes.Read(t => t.NextHop(open.Cluster)) is not { } hop)
        {
            throw new StreamRefusedException($"cluster {open.Cluster} is not known below {routes.Self.Name}: otectl get clusters lists those that are", forGood: true) { IsUnknown = true };
        }

        if (linkTo(hop) is not { } link || routes.Read(t => t.Find(open.Cluster)) is not { Online: true })
        {
            throw StreamRefusedException.Away(open.Cluster);
        }

        var id = Name(open.Id);
        var awaited = new Awaited(hop);
        if (_awaited.Count >= MostAwaited || !_awaited.TryAdd(id, awaited))
        {
            throw new StreamRefusedException($"{MostAwaited} streams are being opened at {routes.Self.Name} already; try again later");
        }

        ByteStream? taken = null;
        using var absence = absences.Watch(open.Cluster, Absences.WaitsFor);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, absence.Gone);
        try
        {
            if (!link.TrySend(new Message { Lane = Lane.Commands, OpenStream = open }))
            {
                throw new StreamRefusedException($"the link to {hop} takes no more at present; try again later");
            }

            return taken = await awaited.Dialled.Task.WaitAsync(Patience, time, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (absence.Gone.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new StreamRefusedException($"cluster {open.Cluster} went away while it was asked for a stream: it cannot be asked until it is back. What it has last reported can be read");
        }
        catch (TimeoutException late)
        {
            throw new StreamRefusedException($"no stream to cluster {open.Cluster} stands after {Patience.TotalSeconds:0} s; it may run a version that has none, or its link is bad", inner: late);
        }
        finally
        {
            _awaited.TryRemove(id, out _);
            if (taken is null)
            {
                awaited.Abandon();
            }
        }
    }

    private async Task CarryAsync(ILink parent, OpenStream open)
    {
        ByteStream? below = null;
        try
        {
            if (open.Id.Length != IdBytes)
            {
                return;
            }

            using var late = new CancellationTokenSource(Patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
            if (open.Cluster == routes.Self.Name)
            {
                live.Check();
            }
            else
            {
                below = await AskAsync(open, either.Token).ConfigureAwait(false);
            }

            var above = await dial(Name(open.Id), either.Token).ConfigureAwait(false);
            await (below is null ? ServeOwnAsync(above, open) : Splice.RunAsync(above, below, time, stop)).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is IOException or OperationCanceledException)
        {
            log.StreamRefused(open.Cluster, refused.Message);
            parent.TrySend(new Message { Lane = Lane.Commands, StreamRefused = new StreamRefused { Id = open.Id, Text = refused.Message, Final = refused is StreamRefusedException { IsForGood: true } } });
            Break(below);
        }
    }

    /// <summary>What runs over a stream to a cluster that is away for long has nothing to wait for.</summary>
    private async Task EndWithAsync(ByteStream stream, string cluster)
    {
        using var absence = absences.Watch(cluster, Absences.KeptFor);
        await stream.Closed.WaitAsync(absence.Gone).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Break(stream);
    }

    private async Task ServeOwnAsync(Stream stream, OpenStream open)
    {
        await using (stream.ConfigureAwait(false))
        {
            await live.ServeAsync(stream, open).ConfigureAwait(false);
        }
    }

    /// <summary>At once, where nobody is left to read what may be on the way.</summary>
    private static void Break(ByteStream? stream) => stream?.Dispose();

    private static string Name(ByteString id) => Convert.ToHexStringLower(id.Span);

    private sealed record Awaited(string Child)
    {
        public TaskCompletionSource<ByteStream> Dialled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Nobody takes it any more: one that is dialled in yet is refused, and one that was dialled in as the wait ended is closed.</summary>
        public void Abandon()
        {
            if (!Dialled.TrySetCanceled(CancellationToken.None) && Dialled.Task.IsCompletedSuccessfully)
            {
                Break(Dialled.Task.Result);
            }
        }
    }
}
