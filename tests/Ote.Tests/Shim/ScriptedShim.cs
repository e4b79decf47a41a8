using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Tests.Shim;

/// <summary>A shim that does what a test says.</summary>
internal sealed class ScriptedShim : IClusterShim
{
    public Func<ExecuteRequest, CancellationToken, Task<ExecuteResponse>> OnExecute { get; set; } =
        (request, _) => Task.FromResult(ShimAnswer.FromCluster(200, request.Body.Memory, request.ContentType));

    public ShimDescription Description { get; set; } = new() { Kind = "scripted", Version = "1", Contract = ShimContract.Version, Destinations = { "api" }, MaxParallel = 8, MaxResponseBytes = 1024 };

    public Channel<Readiness> Readiness { get; } = Channel.CreateUnbounded<Readiness>();

    public Func<ShimDescription>? OnDescribe { get; set; }

    public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(OnDescribe?.Invoke() ?? Description);

    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct) => OnExecute(request, ct);

    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (Readiness item in Readiness.Reader.ReadAllAsync(ct))
            yield return item;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
