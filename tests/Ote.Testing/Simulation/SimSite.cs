using System.Runtime.CompilerServices;
using Ote.Protocol.Reports;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Testing.Simulation;

/// <summary>
/// The managed cluster of one simulated machine and what was done to it. It outlives the controllers in front of it. A request that runs
/// for a second time, without saying that it may have run before, is what must never happen.
/// </summary>
public sealed class SimSite(Timeline timeline, int who, string name, Func<double> random, Action<string> violated)
{
    private readonly Dictionary<string, int> _runs = new(StringComparer.Ordinal);

    /// <summary>The cluster's name.</summary>
    public string Name => name;

    /// <summary>What is in it; null: nothing that is reported.</summary>
    internal SimReports? Reports { get; set; }

    /// <summary>Requests that were carried out.</summary>
    public int Executions { get; private set; }

    /// <summary>Longest execution; zero: at once.</summary>
    public TimeSpan Slowest { get; set; } = TimeSpan.FromMilliseconds(300);

    /// <summary>How often the request with an idempotency key was carried out.</summary>
    public int Runs(string key) => _runs.GetValueOrDefault(key);

    /// <summary>The shim of one process; <see cref="SimShim.Die"/> ends it.</summary>
    public SimShim Open() => new(this);

    /// <summary>One process's shim.</summary>
    public sealed class SimShim(SimSite site) : IClusterShim, IReportSource
    {
        private bool _isDead;

        /// <summary>The process died.</summary>
        public void Die() => _isDead = true;

        /// <inheritdoc/>
        public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(new ShimDescription { Kind = "simulated" });

        /// <inheritdoc/>
        public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct)
        {
            var done = new TaskCompletionSource<ExecuteResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_isDead)
            {
                return done.Task;
            }

            // It is carried out somewhere in the middle; the answer takes its way back, and whoever asked may be dead by then.
            site.In(site.Slowest * site.NextRandom(), () =>
            {
                if (_isDead || ct.IsCancellationRequested)
                {
                    done.TrySetCanceled(ct);
                    return;
                }

                site.CarryOut(request);
                site.In(site.Slowest * site.NextRandom(), () =>
                {
                    if (!_isDead)
                    {
                        done.TrySetResult(new ExecuteResponse { Code = 200 });
                    }
                });
            });
            return done.Task;
        }

        /// <inheritdoc/>
        public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
        {
            yield return new Readiness { Ready = true };
            await new TaskCompletionSource().Task.WaitAsync(ct).ConfigureAwait(false);
        }

        /// <inheritdoc/>
        public IAsyncEnumerable<Report> ReportAsync(IAsyncEnumerable<ReportRequest> requests, CancellationToken ct) =>
            site.Reports?.ReportAsync(site.Name, requests, ct) ?? throw new NotSupportedException("nothing is reported in this simulation");

        /// <inheritdoc/>
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private double NextRandom() => random();

    private void In(TimeSpan after, Action what) => timeline.Plan(after, who, what);

    private void CarryOut(ExecuteRequest request)
    {
        var runs = _runs.GetValueOrDefault(request.IdempotencyKey);
        timeline.Note((ulong)(runs + 1));
        if (request.Replay && runs > 0)
        {
            return; // recognised: nothing runs again
        }

        _runs[request.IdempotencyKey] = runs + 1;
        Executions++;
        if (runs > 0)
        {
            violated($"{name} ran {request.IdempotencyKey} for a second time");
        }
    }
}
