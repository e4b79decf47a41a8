using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Reporting;

/// <summary>
/// The reports of one managed cluster: watches the kinds that are reported, keeps them in a <see cref="ReportJournal"/>, and tells any number of followers
/// what they have not heard. Followers are served from the journal, so that they cost the cluster nothing, and it need not answer. Thread-safe.
/// </summary>
public sealed class ClusterReporter
{
    private const int MostRequests = 1024;
    private static readonly TimeSpan Calm = TimeSpan.FromMinutes(1);

    /// <summary>How often it is asked whether the cluster has a kind that it had not, or has a kind that is not reported by default as it had it: clusters learn and forget such kinds as they run.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(30);

    private readonly KubeClient _client;
    private readonly ReportJournal _journal;
    private readonly IReadOnlyList<ReportedKind> _kinds;
    private readonly IReadOnlyList<ReportStream> _streams;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly ILogger _log;

    /// <summary>Makes a reporter; it reports what the journal has.</summary>
    /// <param name="client">The managed cluster.</param>
    /// <param name="journal">What there is to report; of other kinds it forgets.</param>
    /// <param name="kinds">The kinds.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where it logs.</param>
    public ClusterReporter(KubeClient client, ReportJournal journal, IReadOnlyList<ReportedKind> kinds, TimeProvider time, Func<double> random, ILogger log)
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(kinds);
        (_client, _journal, _kinds, _time, _random, _log) = (client, journal, kinds, time, random, log);
        _journal.Keep([.. kinds.Select(k => k.Stream)]);
        _streams = [.. kinds.Select(k => journal.Stream(k.Stream))];
        Lag = new ReportLag(_streams, time);
        _journal.Changed += Lag.Seen; // before any follower hears of it
    }

    /// <summary>What the cluster has, in figures, as far as nodes and pods are reported.</summary>
    public ClusterTally Tally { get; } = new();

    /// <summary>How long changes take to those who follow.</summary>
    internal ReportLag Lag { get; }

    /// <summary>What is to be reported and is not there.</summary>
    internal AwaitedKinds Awaited { get; } = new();

    /// <summary>Watches the cluster until stopped.</summary>
    public Task RunAsync(CancellationToken stop)
    {
        var loops = _kinds.Zip(_streams, (kind, stream) => KeepAsync($"reports of {kind.Stream}", token => ReportAsync(kind, stream, token), stop));
        return Task.WhenAll(_kinds.Any(k => k.Stream == "nodes") ? loops.Append(KeepAsync("usage of nodes", new NodeUsage(_client, Tally, _time).RunAsync, stop)) : loops);
    }

    private Task KeepAsync(string name, Func<CancellationToken, Task> body, CancellationToken stop) =>
        Loop.RunAsync(name, body, new Backoff(BackoffOptions.Default, _random), Calm, _time, _log, stop);

    /// <summary>Tells one follower, until <paramref name="ct"/> or until it asks no more.</summary>
    /// <param name="requests">What it says.</param>
    /// <param name="ct">Ends it.</param>
    public async IAsyncEnumerable<Report> FollowAsync(IAsyncEnumerable<ReportRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        var news = new Signal();
        var said = Channel.CreateBounded<ReportRequest>(new BoundedChannelOptions(MostRequests) { SingleReader = true });
        using var lag = Lag.Enter();
        var session = new ReportSession(_streams, lag);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var listening = ListenAsync(requests, said.Writer, news, ending.Token);
        _journal.Changed += news.Set;
        try
        {
            while (true)
            {
                while (said.Reader.TryRead(out var request))
                {
                    session.Take(request);
                }

                if (session.TryNext(out var report))
                {
                    yield return report;
                }
                else if (said.Reader.Completion.IsCompleted)
                {
                    yield break;
                }
                else
                {
                    await news.WaitAsync(ct).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            _journal.Changed -= news.Set;
            await ending.CancelAsync().ConfigureAwait(false);
            await listening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task ListenAsync(IAsyncEnumerable<ReportRequest> requests, ChannelWriter<ReportRequest> said, Signal news, CancellationToken ct)
    {
        try
        {
            await foreach (var request in requests.WithCancellation(ct).ConfigureAwait(false))
            {
                await said.WriteAsync(request, ct).ConfigureAwait(false);
                news.Set();
            }
        }
        finally
        {
            said.Complete();
            news.Set();
        }
    }

    private async Task ReportAsync(ReportedKind kind, ReportStream stream, CancellationToken stop)
    {
        DiscoveredKind? found;
        try
        {
            found = await new KindDiscovery(_client).FindAsync(kind, stop).ConfigureAwait(false);
        }
        catch (HttpRequestException)
        {
            return; // the shim tells by itself that the cluster does not answer; it is asked again after the loop's growing wait
        }

        while (true)
        {
            if (found is null)
            {
                stream.Listed(null, new HashSet<(string, string)>());
                await AwaitAsync(kind, stop).ConfigureAwait(false);
                found = await OtherAsync(kind, null, stop).ConfigureAwait(false);
            }
            else
            {
                if (Awaited.Remove(kind.Stream))
                {
                    _log.KindCame(kind.Stream);
                }

                stream.Describe(found.Resource, found.Definition);
                found = await UntilOtherAsync(kind, stream, found, stop).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Says once that a kind is not there; not of those that are reported anyhow, which nobody named.</summary>
    private async Task AwaitAsync(ReportedKind kind, CancellationToken stop)
    {
        if (IsUsual(kind) || Awaited.Has(kind.Stream))
        {
            return;
        }

        var hint = await new KindHint(_client).OfAsync(kind, stop).ConfigureAwait(false);
        _log.KindAwaited(kind.Stream, hint);
        Awaited.Add(kind.Stream, hint);
    }

    private static bool IsUsual(ReportedKind kind) => ReportedKinds.Default.Any(k => k.Stream == kind.Stream);

    /// <summary>Reports a kind until the cluster has it in another form, or not any more.</summary>
    private async Task<DiscoveredKind?> UntilOtherAsync(ReportedKind kind, ReportStream stream, DiscoveredKind found, CancellationToken stop)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var reporting = new KindReporter(found.Resource, new LightForm(kind.Dropped), stream, Tally.Of(kind.Stream), kind.Most, _time).RunAsync(_client, _random, _log, ends.Token);
        // Those that are reported by default are built into each cluster.
        var other = IsUsual(kind) ? null : OtherAsync(kind, found, ends.Token);
        try
        {
            await (await Task.WhenAny(other is null ? [reporting] : [reporting, other]).ConfigureAwait(false)).ConfigureAwait(false); // a fault of either ends both
        }
        finally
        {
            await ends.CancelAsync().ConfigureAwait(false);
            await reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        stop.ThrowIfCancellationRequested();
        return other is { IsCompletedSuccessfully: true } ? await other.ConfigureAwait(false) : found;
    }

    /// <summary>Looks until a kind is there otherwise than it was; null: not at all.</summary>
    private async Task<DiscoveredKind?> OtherAsync(ReportedKind kind, DiscoveredKind? known, CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(LookAgain, _time, stop).ConfigureAwait(false);
            try
            {
                if (await new KindDiscovery(_client).FindAsync(kind, stop).ConfigureAwait(false) is var now && now != known)
                {
                    return now;
                }
            }
            catch (Exception away) when (away is HttpRequestException or KubeStatusException)
            {
                // It is as it was, as far as is known.
            }
        }
    }
}
