using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>
/// Drives a Kubernetes cluster through its API server: any verb and content type that the allow-list lets through, as the user who asked,
/// in parallel with order per object, within a time and a size. The cluster's answers, errors too, come back as they are.
/// </summary>
public sealed class KubernetesShim : IClusterShim, ILiveCluster
{
    private readonly HttpClient _http;
    private readonly KubernetesShimOptions _options;
    private readonly ClusterCall _call;
    private readonly RequestQueue _queue;
    private readonly ReadinessProbe _probe;
    private readonly ShimMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly HttpMessageInvoker? _live;
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Makes a shim; asks nothing of the cluster yet.</summary>
    /// <param name="http">Reaches the API server: its base address is the server's URL, its handler holds the shim's credentials and follows no redirect. Owned by the shim from now on.</param>
    /// <param name="options">What passes; checked here.</param>
    /// <param name="metrics">Where executions are counted.</param>
    /// <param name="time">The clock for timeouts and probes.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">One line for each executed request: the audit of who asked what.</param>
    /// <param name="live">Reaches the same API server for live access, answers unbuffered; null: there is none. Owned by the shim from now on.</param>
    /// <exception cref="ShimStartException">The options cannot work; the message lists every reason.</exception>
    public KubernetesShim(HttpClient http, KubernetesShimOptions options, ShimMetrics metrics, TimeProvider time, Func<double> random, ILogger<KubernetesShim> log, HttpMessageInvoker? live = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(metrics);
        string faults = string.Join("; ", options.Faults());
        if (faults.Length > 0)
            throw new ShimStartException($"the shim's options cannot work: {faults}");
        http.Timeout = Timeout.InfiniteTimeSpan; // each request brings its own
        (_http, _options, _metrics, _time, _log, _live) = (http, options, metrics, time, log, live);
        _call = new ClusterCall(http, options.Impersonate);
        _queue = new RequestQueue(options.MaxQueued, options.MaxParallel);
        _probe = new ReadinessProbe(_call, options, time, random);
        metrics.ObserveQueue(() => _queue.Length);
    }

    /// <inheritdoc />
    public Uri? LiveAddress => _live is null ? null : _http.BaseAddress;

    /// <inheritdoc />
    public HttpMessageInvoker LiveInvoker => _live ?? throw new NotSupportedException("this shim was made without live access");

    /// <inheritdoc />
    public bool ActsAsRequester => _options.Impersonate == Impersonation.Requester;

    /// <inheritdoc />
    public string? LiveObjection(string method, string target)
    {
        if (!ApiPath.TryParse(target, out ApiPath? path, out string? error))
            return $"the URL is refused: {error}";
        return _options.Allow.Any(rule => rule.Allows(method, path.Segments))
            ? null
            : $"{method} {path.Path}: no rule of the shim's allow-list lets it through ({string.Join("; ", _options.Allow)}); widen --allow at the shim if it should";
    }

    /// <inheritdoc />
    public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(new ShimDescription
    {
        Kind = _options.Kind,
        Version = typeof(KubernetesShim).Assembly.GetName().Version?.ToString(3) ?? "0.0.0",
        Contract = ShimContract.Version,
        Destinations = { "api" },
        MaxParallel = (uint)_options.MaxParallel,
        MaxResponseBytes = (uint)_options.MaxResponseBytes,
    });

    /// <inheritdoc />
    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(request);
        long arrived = _time.GetTimestamp();
        if (!PreparedRequest.TryPrepare(request, _options, out PreparedRequest? prepared, out ExecuteResponse? refusal))
            return Task.FromResult(Told(request, refusal, arrived));
        if (request.Replay && prepared.Repetition.Kind == RepetitionKind.Once)
            return Task.FromResult(Told(request, Replay.Unknown(prepared, prepared.Repetition.Reason), arrived));
        RequestQueue.Turn? turn = _queue.TryEnter(prepared.OrderKey, RequestMethod.Writes(request.Method));
        return turn is null
            ? Task.FromResult(Told(request, ShimAnswer.Failure(Error.Busy, $"{request.Method} {request.Url}: {_options.MaxQueued} requests wait at this shim already; nothing ran; try again later"), arrived))
            : RunAsync(prepared, turn, arrived, ct);
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(ct, _stop.Token);
        await using IAsyncEnumerator<Readiness> items = _probe.WatchAsync(end.Token).GetAsyncEnumerator(CancellationToken.None);
        while (true)
        {
            try
            {
                await items.MoveNextAsync();
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested && !ct.IsCancellationRequested)
            {
                yield break;
            }
            yield return items.Current;
        }
    }

    /// <summary>Ends watchers and running requests, and closes the connections to the API server.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _http.Dispose();
        _live?.Dispose();
    }

    private async Task<ExecuteResponse> RunAsync(PreparedRequest prepared, RequestQueue.Turn turn, long arrived, CancellationToken ct)
    {
        using CancellationTokenSource late = new(prepared.Timeout, _time);
        using CancellationTokenSource any = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token, _stop.Token);
        bool started = false;
        using (turn)
        {
            try
            {
                await turn.MayRun.WaitAsync(any.Token);
                started = true;
                return Told(prepared.Request, await RunInTurnAsync(prepared, any.Token), arrived);
            }
            catch (OperationCanceledException) when (any.IsCancellationRequested)
            {
                string about = $"{prepared.Request.Method} {prepared.Request.Url}";
                string fate = started ? "a write may have run" : "it waited for its turn and was not sent";
                ExecuteResponse ended = late.IsCancellationRequested && !ct.IsCancellationRequested
                    ? ShimAnswer.Failure(Error.TimedOut, $"{about}: no answer of API server {_call.Server} within {prepared.Timeout.TotalSeconds:0.###} s; {fate}")
                    : ShimAnswer.Failure(Error.Cancelled, $"{about}: cancelled {(ct.IsCancellationRequested ? "by the caller" : "because the shim stops")}; {fate}");
                Told(prepared.Request, ended, arrived);
                ct.ThrowIfCancellationRequested();
                return ended;
            }
        }
    }

    private async Task<ExecuteResponse> RunInTurnAsync(PreparedRequest prepared, CancellationToken ct)
    {
        ExecuteRequest request = prepared.Request;
        ExecuteResponse response = await _call.SendAsync(request.Method, prepared.Target, request.Body.Memory, prepared.ContentType, request.User, prepared.ResponseBytes, request.Traceparent, ct);
        if (!request.Replay)
            return response;
        if (prepared.Repetition.Kind != RepetitionKind.Create || Replay.ExistingName(response) is not { } name)
            return Replay.Settle(prepared, response);
        string existing = $"{prepared.Path.Path.TrimEnd('/')}/{Uri.EscapeDataString(name)}";
        return Replay.Recognise(prepared, response, await _call.SendAsync("GET", existing, default, "", request.User, _options.MaxResponseBytes, request.Traceparent, ct));
    }

    private ExecuteResponse Told(ExecuteRequest request, ExecuteResponse response, long arrived)
    {
        TimeSpan took = _time.GetElapsedTime(arrived);
        _metrics.Executed(request, response, took);
        if (response.Error == Error.None)
            _log.Executed(request.Method, request.Url, request.User?.Name ?? "", request.IdempotencyKey, request.Replay, response.Code, took.TotalMilliseconds);
        else
            _log.NotExecuted(request.Method, request.Url, request.User?.Name ?? "", request.IdempotencyKey, request.Replay, response.Error, response.Text);
        return response;
    }
}
