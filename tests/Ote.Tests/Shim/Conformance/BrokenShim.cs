using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Tests.Shim.Conformance;

/// <summary>A good shim with one thing about it broken.</summary>
internal sealed class BrokenShim(IClusterShim good) : IClusterShim
{
    public Func<ExecuteRequest, CancellationToken, Func<ExecuteRequest, CancellationToken, Task<ExecuteResponse>>, Task<ExecuteResponse>> Execute { get; init; } =
        (request, ct, next) => next(request, ct);

    public Action<ShimDescription> Describe { get; init; } = _ => { };

    public IAsyncEnumerable<Readiness>? Ready { get; init; }

    public async ValueTask<ShimDescription> DescribeAsync(CancellationToken ct)
    {
        ShimDescription said = await good.DescribeAsync(ct);
        Describe(said);
        return said;
    }

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct) => Execute(request, ct, good.ExecuteAsync);

    public IAsyncEnumerable<Readiness> WatchReadinessAsync(CancellationToken ct) => Ready ?? good.WatchReadinessAsync(ct);

    public ValueTask DisposeAsync() => good.DisposeAsync();
}
