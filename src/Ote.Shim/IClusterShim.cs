using Ote.Shim.Contract;

namespace Ote.Shim;

/// <summary>
/// Drives one managed cluster. Implement it to bring a cluster of your own kind into the tree; serve it with
/// <see cref="Hosting.ShimHost"/> or use it in process. All members are called concurrently.
/// </summary>
public interface IClusterShim : IAsyncDisposable
{
    /// <summary>What this shim is and can do. Cheap: it does not ask the managed cluster.</summary>
    ValueTask<ShimDescription> DescribeAsync(CancellationToken ct);

    /// <summary>
    /// Runs one request. Whatever the cluster or the shim has to say is a response (see <see cref="ShimAnswer"/>); the only exception
    /// that leaves is <see cref="OperationCanceledException"/> for <paramref name="ct"/>.
    /// The synchronous part takes the request's place in the order: requests on one object run in the order of the calls, requests
    /// on different objects run in parallel.
    /// </summary>
    Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct);

    /// <summary>
    /// Whether the managed cluster answers: one item at once, then one at each change. Ends only by <paramref name="ct"/>
    /// (<see cref="OperationCanceledException"/>) or when the shim stops. Any number of watchers.
    /// </summary>
    IAsyncEnumerable<Readiness> WatchReadinessAsync(CancellationToken ct);
}
