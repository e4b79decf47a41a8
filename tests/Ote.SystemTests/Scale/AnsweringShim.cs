using System.Runtime.CompilerServices;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.SystemTests.Scale;

/// <summary>A cluster that takes every request and keeps nothing.</summary>
internal sealed class AnsweringShim(Action executed) : IClusterShim
{
    public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(new ShimDescription { Kind = "answering" });

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct)
    {
        executed();
        return Task.FromResult(new ExecuteResponse { Code = 200 });
    }

    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
    {
        yield return new Readiness { Ready = true };
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
