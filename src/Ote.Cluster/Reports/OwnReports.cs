using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Protocol.Reports;
using Ote.Protocol.Tunnel;
using Ote.Shim;

namespace Ote.Cluster.Reports;

/// <summary>
/// Tells those above what the shim reports of the own cluster, each follower by what it has kept. When the shim is lost it begins again where each follower is.
/// Thread-safe.
/// </summary>
/// <param name="source">The shim; null: there is none, or it does not report.</param>
/// <param name="self">The own name.</param>
/// <param name="send">Takes a part upwards, or to a follower here; completes when there is room for the next.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where it logs.</param>
/// <param name="stop">Ends all.</param>
internal sealed class OwnReports(
    IReportSource? source, string self, Func<ReportPart, CancellationToken, Task> send, TimeProvider time, Func<double> random, ILogger log, CancellationToken stop)
{
    private const int MostFollowers = 16;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Session> _sessions = new(StringComparer.Ordinal);

    /// <summary>How many are followed at present.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _sessions.Count;
            }
        }
    }

    /// <summary>Takes what a follower asks; never waits.</summary>
    public void Take(ReportAsk ask)
    {
        if (source is null)
        {
            return;
        }

        lock (_gate)
        {
            _sessions.TryGetValue(ask.Follower, out var known);
            if (known is not null && known.Run == ask.Run && known.Number > ask.Session)
            {
                return; // it came late
            }

            switch (ask.Request?.KindCase)
            {
                case null or ReportRequest.KindOneofCase.None when known?.Run == ask.Run:
                    End(ask.Follower, known);
                    break;
                case ReportRequest.KindOneofCase.Follow:
                    End(ask.Follower, known);
                    Begin(ask);
                    break;
                case ReportRequest.KindOneofCase.Kept when known?.Number == ask.Session && known.Run == ask.Run:
                    known.Keep(ask.Request.Kept);
                    break;
                default:
                    break;
            }
        }
    }

    private void End(string follower, Session? known)
    {
        known?.End();
        _sessions.Remove(follower);
    }

    private void Begin(ReportAsk ask)
    {
        if (_sessions.Count >= MostFollowers)
        {
            var oldest = _sessions.MinBy(s => s.Value.Began);
            log.FollowerDropped(oldest.Key, MostFollowers);
            End(oldest.Key, oldest.Value);
        }

        var session = new Session((ask.Session, ask.Run), ask.Request.Follow, time.GetTimestamp(), CancellationTokenSource.CreateLinkedTokenSource(stop));
        _sessions[ask.Follower] = session;
        log.Followed(ask.Follower);
        _ = Task.Run(() => RunAsync(ask.Follower, session), CancellationToken.None);
    }

    private async Task RunAsync(string follower, Session session)
    {
        var backoff = new Backoff(BackoffOptions.Default, random);
        while (!session.Ended.IsCancellationRequested)
        {
            try
            {
                await foreach (var report in source!.ReportAsync(session.BeginAsync(), session.Ended).ConfigureAwait(false))
                {
                    backoff.Reset();
                    await send(new ReportPart { Cluster = self, Follower = follower, Session = session.Number, Run = session.Run, Report = report }, session.Ended).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (session.Ended.IsCancellationRequested)
            {
                break;
            }
            catch (NotSupportedException silent)
            {
                log.ReportsUnsupported(silent.Message);
                break;
            }
#pragma warning disable CA1031 // A shim of anybody's: it is asked again, and what it did is told.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                log.ReportsInterrupted(fault.Message);
            }

            try
            {
                await Task.Delay(backoff.Next(), time, session.Ended).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        session.Dispose();
    }

    /// <summary>One follower's session: how far it is, and what it says to the shim's end that runs now.</summary>
    private sealed class Session((ulong Number, ulong Run) of, Follow follow, long began, CancellationTokenSource ending) : IDisposable
    {
        private readonly Dictionary<string, StreamCursor> _kept = Cursors(follow);
        private readonly Dictionary<string, StreamCursor> _unsaid = new(StringComparer.Ordinal);
        private readonly Lock _gate = new();
        private Signal _said = new();
        private bool _disposed;

        public ulong Number => of.Number;

        public ulong Run => of.Run;

        public long Began => began;

        public CancellationToken Ended { get; } = ending.Token;

        /// <summary>What the follower says, from where it is now on; of a stream the newest word counts. An enumeration that was begun before ends silent.</summary>
        public async IAsyncEnumerable<ReportRequest> BeginAsync([EnumeratorCancellation] CancellationToken ct = default)
        {
            var said = new Signal();
            var begins = new Follow { WindowBytes = follow.WindowBytes };
            lock (_gate)
            {
                _said = said;
                _unsaid.Clear();
                begins.Cursors.AddRange(_kept.Values);
            }

            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, Ended);
            yield return new ReportRequest { Follow = begins };
            while (true)
            {
                await said.WaitAsync(either.Token).ConfigureAwait(false);
                StreamCursor[] kept;
                lock (_gate)
                {
                    kept = said == _said ? [.. _unsaid.Values] : [];
                    _unsaid.Clear();
                }

                foreach (var cursor in kept)
                {
                    yield return new ReportRequest { Kept = cursor };
                }
            }
        }

        public void Keep(StreamCursor cursor)
        {
            lock (_gate)
            {
                _kept[cursor.Kind] = _unsaid[cursor.Kind] = cursor;
                _said.Set();
            }
        }

        public void End()
        {
            lock (_gate)
            {
                if (!_disposed)
                {
                    ending.Cancel();
                }
            }
        }

        public void Dispose()
        {
            lock (_gate)
            {
                _disposed = true;
                ending.Dispose();
            }
        }

        // A follower may name a stream twice: its last word counts.
        private static Dictionary<string, StreamCursor> Cursors(Follow follow)
        {
            var cursors = new Dictionary<string, StreamCursor>(StringComparer.Ordinal);
            foreach (var cursor in follow.Cursors)
            {
                cursors[cursor.Kind] = cursor;
            }

            return cursors;
        }
    }
}
