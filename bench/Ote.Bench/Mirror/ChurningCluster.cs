using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Google.Protobuf;
using Ote.Protocol.Reports;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Bench.Mirror;

/// <summary>
/// A cluster with a few pods of which one changes each <see cref="Interval"/>, and is reported as soon as it has; in each stands when that was, by the machine's monotonic clock.
/// </summary>
internal sealed class ChurningCluster(int number, TimeProvider time, Func<double> random) : IClusterShim, IReportSource
{
    /// <summary>From one change to the next.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>What stands before the time of a change.</summary>
    public const string Mark = "\"changed-at\":\"";

    private const int Pods = 10;

    public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(new ShimDescription { Kind = "bench", Reports = true });

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct) => Task.FromResult(new ExecuteResponse { Code = 200 });

    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
    {
        yield return new Readiness { Ready = true };
        await Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
    }

    public async IAsyncEnumerable<Ote.Protocol.Reports.Report> ReportAsync(IAsyncEnumerable<ReportRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        _ = HearAsync(requests, ct);
        var revision = 1UL;
        yield return Part(0, revision, Enumerable.Range(0, Pods));
        await Task.Delay(Interval * random(), time, ct);
        while (true)
        {
            await Task.Delay(Interval, time, ct);
            yield return Part(revision, revision + 1, [(int)(revision % Pods)]);
            revision++;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async Task HearAsync(IAsyncEnumerable<ReportRequest> requests, CancellationToken ct)
    {
        try
        {
            await foreach (var _ in requests.WithCancellation(ct))
            {
                // What is kept is counted at the root.
            }
        }
        catch (OperationCanceledException)
        {
            // The session has ended.
        }
    }

    private Ote.Protocol.Reports.Report Part(ulong from, ulong to, IEnumerable<int> pods)
    {
        var report = new Ote.Protocol.Reports.Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = from, To = to };
        foreach (var pod in pods)
        {
            var json = Encoding.UTF8.GetString(MirrorBench.Pod(0, pod, number, to % 2 == 0 ? "Running" : "Failed"));
            var marked = json.Replace("\"metadata\":{", string.Create(CultureInfo.InvariantCulture, $"\"metadata\":{{\"annotations\":{{{Mark}{time.GetTimestamp()}\"}},"), StringComparison.Ordinal);
            report.Changes.Add(new ObjectChange { Namespace = "ns-0", Name = MirrorBench.Name(0, pod), Object = ByteString.CopyFromUtf8(marked) });
        }

        return report;
    }
}
