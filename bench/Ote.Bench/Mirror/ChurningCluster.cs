using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Bench.Mirror;

/// <summary>
/// A cluster with a few pods of which one changes each <see cref="Interval"/>; in each stands when that was, by the machine's monotonic clock. It is reported by the
/// reporter that ships, from a journal in memory; only the watch of an API server is left out.
/// </summary>
internal sealed class ChurningCluster(int number, TimeProvider time, Func<double> random) : IClusterShim, IReportSource
{
    /// <summary>From one change to the next.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>What stands before the time of a change.</summary>
    public const string Mark = "\"changed-at\":\"";

    private const int Pods = 10;
    private static readonly ReportedKind Kind = ReportedKinds.Default.First(k => k.Stream == "pods");

    public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(new ShimDescription { Kind = "bench", Reports = true });

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct) => Task.FromResult(new ExecuteResponse { Code = 200 });

    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
    {
        yield return new Readiness { Ready = true };
        await Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
    }

    public async IAsyncEnumerable<Ote.Protocol.Reports.Report> ReportAsync(IAsyncEnumerable<ReportRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        using var journal = ReportJournal.Open(null, () => (ulong)number + 1);
        using var client = new KubeClient(new HttpClient { BaseAddress = new Uri("https://nobody.invalid") });
        var reporter = new ClusterReporter(client, journal, [Kind], time, random, NullLogger.Instance);
        var pods = journal.Stream(Kind.Stream);
        pods.Apply([.. Enumerable.Range(0, Pods).Select(pod => Pod(pod, 0))]);
        pods.Listed(new ResourceRef("", "v1", "pods", "Pod", true), Enumerable.Range(0, Pods).Select(pod => ("ns-0", MirrorBench.Name(0, pod))).ToHashSet());
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var churning = ChurnAsync(pods, ending.Token);
        try
        {
            await foreach (var report in reporter.FollowAsync(requests, ct))
            {
                yield return report;
            }
        }
        finally
        {
            await ending.CancelAsync();
            await churning.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task ChurnAsync(ReportStream pods, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        var first = Interval * random();
        for (var change = 1; ; change++)
        {
            // By the clock: a busy machine makes one late, and not all that follow.
            var due = first + (Interval * change) - time.GetElapsedTime(began);
            await Task.Delay(due > TimeSpan.Zero ? due : TimeSpan.Zero, time, ct);
            pods.Apply([Pod(change % Pods, change)]);
        }
    }

    /// <summary>A pod that is well or not by turns.</summary>
    private ReportedObject Pod(int pod, int change)
    {
        var json = Encoding.UTF8.GetString(MirrorBench.Pod(0, pod, number, change / Pods % 2 == 0 ? "Running" : "Failed"));
        var marked = json.Replace("\"metadata\":{", string.Create(CultureInfo.InvariantCulture, $"\"metadata\":{{\"annotations\":{{{Mark}{time.GetTimestamp()}\"}},"), StringComparison.Ordinal);
        return new ReportedObject("ns-0", MirrorBench.Name(0, pod), Encoding.UTF8.GetBytes(marked));
    }
}
