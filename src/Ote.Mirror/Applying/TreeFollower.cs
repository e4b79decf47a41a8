using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Applying;

/// <summary>How one follows the reports of a subtree: what is asked goes in, what is told comes out, until either side stops.</summary>
/// <param name="requests">What is asked of which cluster.</param>
/// <param name="ct">Ends it.</param>
public delegate IAsyncEnumerable<TreeReport> FollowTree(IAsyncEnumerable<TreeRequest> requests, CancellationToken ct);

/// <summary>
/// Keeps a mirror equal to what the clusters of a subtree report: asks each that reports for what the mirror does not have, acknowledges what the mirror has on its
/// disk, asks again where a way broke, and forgets who leaves the tree. Reports of one cluster are taken in order, those of several at a time.
/// </summary>
/// <param name="mirror">The mirror.</param>
/// <param name="follow">The tree.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where it logs.</param>
public sealed class TreeFollower(MirrorStore mirror, FollowTree follow, TimeProvider time, Func<double> random, ILogger log)
{
    private const uint WindowBytes = 512 * 1024;
    private const int MostRequests = 4096;
    private const int MostTaken = 128; // reports that are being kept
    private static readonly TimeSpan Calm = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan NotKept = TimeSpan.FromSeconds(10);

    /// <summary>Follows until stopped; when the tree ends it, begins again.</summary>
    public Task RunAsync(CancellationToken stop) =>
        Loop.RunAsync("reports of the tree", FollowAsync, new Backoff(BackoffOptions.Default, random), Calm, time, log, stop);

    private Task FollowAsync(CancellationToken stop) => new Following(mirror, follow, time, log, stop).RunAsync();

    /// <summary>One time of following, from a beginning to an end.</summary>
    private sealed class Following(MirrorStore mirror, FollowTree follow, TimeProvider time, ILogger log, CancellationToken stop)
    {
        private readonly Channel<TreeRequest> _requests = Channel.CreateBounded<TreeRequest>(MostRequests);
        private readonly Dictionary<string, ulong> _ways = new(StringComparer.Ordinal); // by which each is followed
        private readonly Dictionary<string, Task> _running = new(StringComparer.Ordinal); // the last that is being done of each
        private HashSet<string>? _named = new(StringComparer.Ordinal); // until all there are have been
        private readonly ConcurrentDictionary<string, ulong> _rounds = new(StringComparer.Ordinal);
        private readonly SemaphoreSlim _room = new(MostTaken);

        public async Task RunAsync()
        {
            await foreach (var told in follow(_requests.Reader.ReadAllAsync(stop), stop).ConfigureAwait(false))
            {
                if (told.Report is { } report)
                {
                    await _room.WaitAsync(stop).ConfigureAwait(false);
                    After(told.Cluster, () => TakeAsync(told.Cluster, told.Round, report));
                }
                else if (told.News is { } news && told.Cluster.Length > 0)
                {
                    _named?.Add(told.Cluster);
                    Hear(told.Cluster, news);
                }
                else if (told.News is { Current: true })
                {
                    await ForgetOthersAsync().ConfigureAwait(false);
                }
            }
        }

        /// <summary>All there are have been named: what is here of others left while nobody listened here.</summary>
        private async Task ForgetOthersAsync()
        {
            if (_named is { } named)
            {
                _named = null;
                foreach (var cluster in await mirror.ClustersAsync(stop).ConfigureAwait(false))
                {
                    if (!named.Contains(cluster))
                    {
                        Forget(cluster);
                    }
                }
            }
        }

        private void Forget(string cluster)
        {
            _ways.Remove(cluster);
            After(cluster, async () =>
            {
                await mirror.RemoveAsync(cluster).ConfigureAwait(false);
                log.ClusterForgotten(cluster);
            });
        }

        private void Hear(string cluster, ClusterNews news)
        {
            if (news.Uid.Length == 0)
            {
                Forget(cluster);
            }
            else if (!news.Online)
            {
                _ways.Remove(cluster); // followed anew when it is back
                After(cluster, () => mirror.TellsAsync(cluster, tells: false));
            }
            else if (news.Reports)
            {
                After(cluster, () => mirror.TellsAsync(cluster, !news.Silent));
                if (!_ways.TryGetValue(cluster, out var way) || way != news.Attached)
                {
                    _ways[cluster] = news.Attached;
                    After(cluster, () => BeginAsync(cluster));
                }
            }
        }

        /// <summary>Of one cluster one thing after the other. A fault ends the following: it begins anew.</summary>
        private void After(string cluster, Func<Task> next)
        {
            var before = _running.GetValueOrDefault(cluster, Task.CompletedTask);
            if (before.IsFaulted)
            {
                throw new IOException($"what cluster {cluster} told could not be kept: {before.Exception!.GetBaseException().Message}", before.Exception);
            }

            _running[cluster] = ChainAsync(before, next);
        }

        private static async Task ChainAsync(Task before, Func<Task> next)
        {
            await before.ConfigureAwait(false);
            await next().ConfigureAwait(false);
        }

        private async Task BeginAsync(string cluster)
        {
            var round = _rounds.AddOrUpdate(cluster, 1, (_, last) => last + 1);
            var begins = new Follow { WindowBytes = WindowBytes };
            begins.Cursors.AddRange(await mirror.CursorsAsync(cluster).ConfigureAwait(false));
            await AskAsync(cluster, round, new ReportRequest { Follow = begins }).ConfigureAwait(false);
        }

        private async Task TakeAsync(string cluster, ulong round, Report report)
        {
            try
            {
                if (_rounds.GetValueOrDefault(cluster) != round)
                {
                    return; // it was on its way when the cluster was asked anew
                }

                if (await mirror.ApplyAsync(cluster, report).ConfigureAwait(false))
                {
                    await AskAsync(cluster, round, new ReportRequest { Kept = new StreamCursor { Kind = report.Kind, Epoch = report.Epoch, Revision = report.To } }).ConfigureAwait(false);
                    return;
                }

                log.FollowedAnew(cluster, report.Kind);
            }
            catch (Exception fault) when (fault is IOException or JsonException)
            {
                log.ReportNotKept(cluster, report.Kind, (int)NotKept.TotalSeconds, fault.Message);
                await Task.Delay(NotKept, time, stop).ConfigureAwait(false);
            }
            finally
            {
                _room.Release();
            }

            await BeginAsync(cluster).ConfigureAwait(false);
        }

        private ValueTask AskAsync(string cluster, ulong round, ReportRequest request) =>
            _requests.Writer.WriteAsync(new TreeRequest { Cluster = cluster, Round = round, Request = request }, stop);
    }
}
