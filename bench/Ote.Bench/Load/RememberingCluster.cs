using System.Net;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Bench.Load;

/// <summary>A cluster that answers each request at once, and knows whether it was asked the same twice.</summary>
internal sealed class RememberingCluster(TimeProvider time) : IClusterShim
{
    private readonly Lock _gate = new();
    private readonly HashSet<ByteString> _seen = [];
    private int _ran;
    private int _twice;

    /// <summary>Requests carried out, and those among them that had been carried out before.</summary>
    public (int Ran, int Twice) Counts
    {
        get
        {
            lock (_gate)
            {
                return (_ran, _twice);
            }
        }
    }

    public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(new ShimDescription { Kind = "bench" });

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct)
    {
        lock (_gate)
        {
            _ran++;
            _twice += _seen.Add(request.Body) ? 0 : 1;
        }

        return Task.FromResult(new ExecuteResponse { Code = (int)HttpStatusCode.OK });
    }

    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
    {
        yield return new Readiness { Ready = true };
        await Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
