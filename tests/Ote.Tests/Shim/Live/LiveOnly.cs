using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Tests.Shim.Live;

/// <summary>A shim with live access and nothing else.</summary>
/// <param name="address">The cluster's API.</param>
/// <param name="actsAsRequester">Whether it acts as who asks.</param>
/// <param name="objection">What it says to each request; null: it lets all pass.</param>
internal sealed class LiveOnly(Uri address, bool actsAsRequester = true, string? objection = null) : IClusterShim, ILiveCluster
{
    private readonly Ote.Tests.Shim.ScriptedShim _rest = new();

    public Uri? LiveAddress => address;

    public HttpMessageInvoker LiveInvoker { get; } = new(new SocketsHttpHandler());

    public bool ActsAsRequester => actsAsRequester;

    public string? LiveObjection(string method, string target) => objection;

    public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => _rest.DescribeAsync(ct);

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct) => _rest.ExecuteAsync(request, ct);

    public IAsyncEnumerable<Readiness> WatchReadinessAsync(CancellationToken ct) => _rest.WatchReadinessAsync(ct);

    public ValueTask DisposeAsync()
    {
        LiveInvoker.Dispose();
        return ValueTask.CompletedTask;
    }
}
