using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Ote.Protocol.Reports;
using Ote.Shim.Contract;
using Ote.Shim.Live;

namespace Ote.Shim.Hosting;

/// <summary>The generated service over an <see cref="IClusterShim"/>.</summary>
internal sealed class ClusterShimService(IClusterShim shim, IHostApplicationLifetime lifetime, ILogger<ClusterShimService> log) : ClusterShim.ClusterShimBase, IAsyncDisposable
{
    private readonly LiveDoor? _live = shim is ILiveCluster { LiveAddress: not null } cluster ? new LiveDoor(cluster, TimeProvider.System) : null;

    public override async Task<ShimDescription> Describe(DescribeRequest request, ServerCallContext context)
    {
        ShimDescription described = await shim.DescribeAsync(context.CancellationToken);
        uint spoken = ShimContract.Negotiate(request.Contract, described.Contract);
        if (spoken == 0)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition,
                $"shim speaks contract {ShimContract.LowestVersion} to {described.Contract}, the caller at most {request.Contract}: update the older side"));
        }
        ShimDescription answer = described.Clone();
        answer.Contract = spoken;
        return answer;
    }

    public override async Task<ExecuteResponse> Execute(ExecuteRequest request, ServerCallContext context)
    {
        try
        {
            Task<ExecuteResponse> running = shim.ExecuteAsync(request, context.CancellationToken);
            // The request has its place in the order: tell the caller that the next may come.
            await context.WriteResponseHeadersAsync([]);
            return await running;
        }
        catch (OperationCanceledException) when (context.CancellationToken.IsCancellationRequested)
        {
            return ShimAnswer.Failure(ExecuteResponse.Types.Error.Cancelled, $"{request.Method} {request.Url} was cancelled by the caller; a write may have run");
        }
        catch (Exception e) when (e is not RpcException)
        {
            log.ShimFaulted(request.Method, request.Url, e);
            return ShimAnswer.Failure(ExecuteResponse.Types.Error.Internal,
                $"{request.Method} {request.Url}: the shim failed ({e.GetType().Name}: {e.Message}); a write may have run; see the shim's log");
        }
    }

    public override async Task WatchReadiness(ReadinessRequest request, IServerStreamWriter<Readiness> responseStream, ServerCallContext context)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            await foreach (Readiness item in shim.WatchReadinessAsync(end.Token))
                await responseStream.WriteAsync(item, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            if (lifetime.ApplicationStopping.IsCancellationRequested)
                throw new RpcException(new Status(StatusCode.Unavailable, "the shim is stopping"));
        }
    }

    public override async Task Report(IAsyncStreamReader<ReportRequest> requestStream, IServerStreamWriter<Report> responseStream, ServerCallContext context)
    {
        if (shim is not IReportSource source)
            throw new RpcException(new Status(StatusCode.Unimplemented, "this shim does not report"));
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            await foreach (Report report in source.ReportAsync(requestStream.ReadAllAsync(end.Token), end.Token))
                await responseStream.WriteAsync(report, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            if (lifetime.ApplicationStopping.IsCancellationRequested)
                throw new RpcException(new Status(StatusCode.Unavailable, "the shim is stopping"));
        }
    }

    public override async Task Live(IAsyncStreamReader<LiveBytes> requestStream, IServerStreamWriter<LiveBytes> responseStream, ServerCallContext context)
    {
        if (_live is null)
            throw new RpcException(new Status(StatusCode.Unimplemented, "this shim gives no live access"));
        await context.WriteResponseHeadersAsync([]); // it is taken
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await using GrpcStream stream = new(requestStream, responseStream, end.Cancel);
        await _live.ServeAsync(stream).WaitAsync(end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        if (_live is not null)
            await _live.DisposeAsync();
    }
}
