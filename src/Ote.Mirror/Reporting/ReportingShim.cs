using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Protocol.Reports;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Mirror.Reporting;

/// <summary>
/// A shim that also reports what there is in its cluster, and its figures: to be put around any shim of a Kubernetes cluster. Its watches begin when somebody asks for the first
/// time, and stay. Owns the shim and the connection it is given.
/// </summary>
public sealed class ReportingShim : IClusterShim, IReportSource, ILiveCluster
{
    private readonly IClusterShim _shim;
    private readonly KubeClient _client;
    private readonly ReportJournal _journal;
    private readonly ClusterReporter _reporter;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lazy<Task> _running;

    private ReportingShim(IClusterShim shim, KubeClient client, ReportJournal journal, ClusterReporter reporter, TimeProvider time)
    {
        (_shim, _client, _journal, _reporter, _time) = (shim, client, journal, reporter, time);
        _running = new Lazy<Task>(() => Task.Run(() => reporter.RunAsync(_stop.Token)));
    }

    /// <summary>Puts reports beside what a shim does.</summary>
    /// <param name="shim">The shim.</param>
    /// <param name="http">Reaches the cluster's API server, with the right to list and watch what is reported.</param>
    /// <param name="directory">Where what is to be reported is kept; made when missing. Null: in memory.</param>
    /// <param name="kinds">What is reported; null: <see cref="ReportedKinds.Default"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter and for marks.</param>
    /// <param name="log">Where it logs.</param>
    /// <exception cref="IOException">The folder cannot be used.</exception>
    public static ReportingShim Around(
        IClusterShim shim, HttpClient http, string? directory, IReadOnlyList<ReportedKind>? kinds, TimeProvider time, Func<double> random, ILogger log)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (directory is not null)
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var journal = ReportJournal.Open(directory, () => 1 + (ulong)(random() * (1L << 52)), log.JournalDiscarded);
        var client = new KubeClient(http, "ote-reports/1");
        return new ReportingShim(shim, client, journal, new ClusterReporter(client, journal, kinds ?? ReportedKinds.Default, time, random, log), time);
    }

    /// <inheritdoc/>
    public async ValueTask<ShimDescription> DescribeAsync(CancellationToken ct)
    {
        var description = (await _shim.DescribeAsync(ct).ConfigureAwait(false)).Clone();
        description.Reports = true;
        return description;
    }

    /// <inheritdoc/>
    public Uri? LiveAddress => (_shim as ILiveCluster)?.LiveAddress;

    /// <inheritdoc/>
    public HttpMessageInvoker LiveInvoker => ((ILiveCluster)_shim).LiveInvoker;

    /// <inheritdoc/>
    public bool ActsAsRequester => (_shim as ILiveCluster)?.ActsAsRequester == true;

    /// <inheritdoc/>
    public string? LiveObjection(string method, string target) => ((ILiveCluster)_shim).LiveObjection(method, target);

    /// <inheritdoc/>
    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct) => _shim.ExecuteAsync(request, ct);

    /// <inheritdoc/>
    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, _stop.Token);
        _ = _running.Value;
        await foreach (var word in new ReadinessWithFigures(_reporter.Tally, _reporter.Lag, _reporter.Awaited, _time).WatchAsync(_shim.WatchReadinessAsync(either.Token), either.Token).ConfigureAwait(false))
        {
            yield return word;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<Report> ReportAsync(IAsyncEnumerable<ReportRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, _stop.Token);
        _ = _running.Value;
        await foreach (var report in _reporter.FollowAsync(requests, either.Token).ConfigureAwait(false))
        {
            yield return report;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_running.IsValueCreated)
        {
            await _running.Value.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await _shim.DisposeAsync().ConfigureAwait(false);
        _client.Dispose();
        _journal.Dispose();
    }
}
