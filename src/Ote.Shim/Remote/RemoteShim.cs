using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Protocol.Reports;
using Ote.Shim.Contract;

namespace Ote.Shim.Remote;

/// <summary>
/// A shim in another process. Connects when used and again after the shim was away; nothing needs to be up when this is made.
/// <para>While the shim cannot be reached <see cref="DescribeAsync"/> and <see cref="ExecuteAsync"/> throw <see cref="ShimUnavailableException"/>
/// at once and <see cref="WatchReadinessAsync"/> reports not ready, then ready when it is back: the moment to send again what was kept.
/// <see cref="ShimContractException"/> means that the other side is no shim of this contract.</para>
/// </summary>
public sealed class RemoteShim : IClusterShim, IReportSource, ILiveCluster
{
    private readonly RemoteShimOptions _options;
    private readonly GrpcChannel _channel;
    private readonly ClusterShim.ClusterShimClient _client;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly ILogger _log;
    private readonly Lazy<HttpMessageInvoker> _live;

    /// <summary>Held from sending a request until the shim says that it has its place, so that requests arrive in the order of the calls.</summary>
    private readonly SemaphoreSlim _sending = new(1, 1);

    /// <summary>Makes a client; opens nothing.</summary>
    /// <param name="options">Where and how.</param>
    /// <param name="time">The clock for deadlines and waits.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where losing and finding the shim is told.</param>
    public RemoteShim(RemoteShimOptions options, TimeProvider time, Func<double> random, ILogger<RemoteShim> log)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _time, _random, _log) = (options, time, random, log);
        _channel = ShimChannel.Open(options);
        _client = new ClusterShim.ClusterShimClient(_channel);
        _live = new Lazy<HttpMessageInvoker>(() => new LiveCalls(_client, options.Address, time).CreateInvoker());
    }

    /// <summary>No place in any network: connections go through the shim. One that gives no live access says so when it is asked.</summary>
    public Uri? LiveAddress { get; } = new("http://shim");

    /// <inheritdoc />
    public HttpMessageInvoker LiveInvoker => _live.Value;

    /// <summary>The shim is told who asks; whether it acts as them is its own matter.</summary>
    public bool ActsAsRequester => true;

    /// <summary>None here: the shim's allow-list holds at the shim.</summary>
    public string? LiveObjection(string method, string target) => null;

    /// <inheritdoc />
    public async ValueTask<ShimDescription> DescribeAsync(CancellationToken ct)
    {
        ShimDescription described;
        try
        {
            described = await _client.DescribeAsync(new DescribeRequest { Contract = ShimContract.Version }, deadline: In(_options.DescribeTimeout), cancellationToken: ct);
        }
        catch (RpcException e)
        {
            ct.ThrowIfCancellationRequested();
            throw CallFailure.Of(e) switch
            {
                CallFailureKind.NotSent or CallFailureKind.Broken or CallFailureKind.Deadline => Unavailable(e),
                _ => new ShimContractException($"what listens at {_options.Address} is no shim of contract {ShimContract.Version} ({e.StatusCode}: {e.Status.Detail}): check the address and both versions", e),
            };
        }
        if (ShimContract.Negotiate(ShimContract.Version, described.Contract) != described.Contract)
            throw new ShimContractException($"shim at {_options.Address} answered with contract {described.Contract}, this side speaks {ShimContract.LowestVersion} to {ShimContract.Version}: update the older side");
        return described;
    }

    /// <inheritdoc />
    /// <exception cref="ShimUnavailableException">The shim cannot be reached or was lost meanwhile.</exception>
    public async Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct)
    {
        TimeSpan timeout = request.TimeoutMilliseconds == 0 ? _options.DefaultTimeout : TimeSpan.FromMilliseconds(request.TimeoutMilliseconds);
        using CancellationTokenSource late = new(timeout + _options.Grace, _time);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        bool sent = false;
        try
        {
            AsyncUnaryCall<ExecuteResponse> call;
            // Synchronous when nobody else is sending; waiters are served in order.
            await _sending.WaitAsync(both.Token);
            try
            {
                sent = true;
                call = _client.ExecuteAsync(request, deadline: In(timeout + _options.Grace), cancellationToken: both.Token);
                await call.ResponseHeadersAsync;
            }
            finally
            {
                _sending.Release();
            }
            using (call)
                return await call.ResponseAsync;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return TooLate(request, timeout, sent);
        }
        catch (RpcException e)
        {
            ct.ThrowIfCancellationRequested();
            return CallFailure.Of(e) switch
            {
                _ when late.IsCancellationRequested => TooLate(request, timeout, sent),
                CallFailureKind.Deadline => TooLate(request, timeout, sent),
                CallFailureKind.NotSent or CallFailureKind.Broken => throw Unavailable(e),
                CallFailureKind.TooLarge => ShimAnswer.Failure(ExecuteResponse.Types.Error.TooLarge, $"{request.Method} {request.Url}: request or answer exceeds the {ShimContract.MaxMessageBytes} bytes a shim's message may have; ask for less"),
                CallFailureKind.NotAShim => throw new ShimContractException($"what listens at {_options.Address} is no shim ({e.StatusCode}: {e.Status.Detail}): check the address and both versions", e),
                _ => ShimAnswer.Failure(ExecuteResponse.Types.Error.Internal, $"{request.Method} {request.Url}: shim at {_options.Address} failed ({e.StatusCode}: {e.Status.Detail}); a write may have run; see the shim's log"),
            };
        }
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
    {
        Backoff wait = new(_options.Reconnect, _random);
        bool lost = false;
        while (true)
        {
            using AsyncServerStreamingCall<Readiness> call = _client.WatchReadiness(new ReadinessRequest(), cancellationToken: ct);
            string cause = "the shim ended the watch";
            while (true)
            {
                try
                {
                    if (!await call.ResponseStream.MoveNext(ct))
                        break;
                }
                catch (RpcException e)
                {
                    ct.ThrowIfCancellationRequested();
                    cause = CallFailure.Cause(e, _options.Address);
                    break;
                }
                if (lost)
                    _log.ShimBack(_options.Address.ToString());
                lost = false;
                wait.Reset();
                yield return call.ResponseStream.Current;
            }
            if (!lost)
            {
                _log.ShimLost(_options.Address.ToString(), cause);
                lost = true;
                yield return new Readiness { Ready = false, Text = $"shim at {_options.Address} cannot be reached: {cause}" };
            }
            await Task.Delay(wait.Next(), _time, ct);
        }
    }

    /// <inheritdoc />
    /// <exception cref="ShimUnavailableException">The shim cannot be reached or was lost; begin again when it is back.</exception>
    /// <exception cref="NotSupportedException">The shim does not report.</exception>
    public async IAsyncEnumerable<Report> ReportAsync(IAsyncEnumerable<ReportRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using AsyncDuplexStreamingCall<ReportRequest, Report> call = _client.Report(cancellationToken: end.Token);
        Task asking = AskAsync(requests, call.RequestStream, end.Token);
        try
        {
            while (true)
            {
                try
                {
                    if (!await call.ResponseStream.MoveNext(end.Token))
                        yield break;
                }
                catch (RpcException e)
                {
                    ct.ThrowIfCancellationRequested();
                    throw e.StatusCode == StatusCode.Unimplemented ? new NotSupportedException($"shim at {_options.Address} does not report", e) : Unavailable(e);
                }
                yield return call.ResponseStream.Current;
            }
        }
        finally
        {
            await end.CancelAsync();
            await asking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task AskAsync(IAsyncEnumerable<ReportRequest> requests, IClientStreamWriter<ReportRequest> stream, CancellationToken ct)
    {
        await foreach (ReportRequest request in requests.WithCancellation(ct))
            await stream.WriteAsync(request, ct);
        await stream.CompleteAsync();
    }

    /// <summary>Closes the channel; running calls end as lost.</summary>
    public ValueTask DisposeAsync()
    {
        if (_live.IsValueCreated)
            _live.Value.Dispose();
        _channel.Dispose();
        return ValueTask.CompletedTask;
    }

    private DateTime In(TimeSpan span) => _time.GetUtcNow().UtcDateTime + span;

    private ShimUnavailableException Unavailable(RpcException e)
    {
        bool mayHaveRun = CallFailure.Of(e) != CallFailureKind.NotSent;
        return new ShimUnavailableException($"shim at {_options.Address} {(mayHaveRun ? "was lost" : "cannot be reached")}: {CallFailure.Cause(e, _options.Address)}; the request is to be sent again when it is back", mayHaveRun, e);
    }

    private ExecuteResponse TooLate(ExecuteRequest request, TimeSpan timeout, bool sent) => ShimAnswer.Failure(ExecuteResponse.Types.Error.TimedOut, sent
        ? $"{request.Method} {request.Url}: shim at {_options.Address} did not answer within {timeout.TotalSeconds:0.###} s and its grace; a write may have run"
        : $"{request.Method} {request.Url}: shim at {_options.Address} did not take the requests before this one within {timeout.TotalSeconds:0.###} s; it was not sent");
}
