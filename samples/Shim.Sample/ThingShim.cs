using System.Runtime.CompilerServices;
using Ote.Shim;
using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Shim.Sample;

/// <summary>
/// A complete shim for a toy cluster that keeps named texts in memory:
/// GET, PUT, DELETE /things/NAME and POST /things/NAME/append. GET takes ?wait=SECONDS, to have something slow.
/// </summary>
public sealed class ThingShim(TimeProvider time) : IClusterShim
{
    private const int MaxThings = 10_000;
    private const int MaxThingBytes = 64 * 1024;
    private static readonly TimeSpan s_defaultTimeout = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _things = [];

    /// <inheritdoc />
    public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(new ShimDescription
    {
        Kind = "things",
        Version = "1.0",
        Contract = ShimContract.Version,
        Destinations = { "api" },
        MaxParallel = 100,
        MaxResponseBytes = MaxThingBytes,
    });

    /// <inheritdoc />
    public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct)
    {
        // 1. Refuse what cannot be done, in words that say what can.
        if (request.Destination != "api")
            return Refuse(Error.UnknownDestination, $"destination '{request.Destination}' is not known; this shim serves 'api'");
        if (request.Method is not ("GET" or "PUT" or "DELETE" or "POST"))
            return Refuse(Error.UnsupportedMethod, $"method '{request.Method}' is not supported; use GET, PUT, DELETE or POST");
        if (!ThingPath.TryParse(request.Url, out ThingPath path))
            return Refuse(Error.BadRequest, $"URL '{request.Url}' is not of the form /things/NAME; NAME is made of letters, digits and '-'");
        if (request.Body.Length > MaxThingBytes)
            return Refuse(Error.BadRequest, $"{request.Method} {request.Url}: a thing has at most {MaxThingBytes} bytes");

        // 2. Never run twice what does a second thing the second time.
        if (request.Replay && request.Method == "POST")
            return Refuse(Error.OutcomeUnknown, $"POST {request.Url}: an earlier run may have appended already; read the thing, and append again if it is missing");

        // 3. What changes an object runs here, before the call returns: so requests on one thing keep their order.
        //    What takes time goes on afterwards, beside others.
        ExecuteResponse answer = Capped(request, Run(request, path));
        return path.Wait > TimeSpan.Zero ? AfterAsync(path.Wait, answer, request, ct) : Task.FromResult(answer);
    }

    /// <inheritdoc />
    public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
    {
        yield return new Readiness { Ready = true, ClusterVersion = "things-1" };
        await Task.Delay(Timeout.InfiniteTimeSpan, time, ct); // memory is always there
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ExecuteResponse Run(ExecuteRequest request, ThingPath path)
    {
        lock (_lock)
        {
            bool exists = _things.TryGetValue(path.Name, out ReadOnlyMemory<byte> thing);
            switch (request.Method)
            {
                case "GET" when exists:
                    return ShimAnswer.FromCluster(200, thing, "text/plain");
                case "PUT" when exists || _things.Count < MaxThings:
                    _things[path.Name] = request.Body.ToByteArray();
                    return ShimAnswer.FromCluster(exists ? 200 : 201, default, "text/plain");
                case "PUT":
                    return ShimAnswer.FromCluster(507, "full"u8.ToArray(), "text/plain");
                case "POST" when exists && path.Append && thing.Length + request.Body.Length <= MaxThingBytes:
                    _things[path.Name] = (byte[])[.. thing.Span, .. request.Body.Span];
                    return ShimAnswer.FromCluster(200, default, "text/plain");
                case "POST" when exists:
                    return ShimAnswer.FromCluster(409, "too long, or not an append"u8.ToArray(), "text/plain");
                // A repeated delete finds what it wanted: the thing is gone.
                case "DELETE" when _things.Remove(path.Name) || request.Replay:
                    return ShimAnswer.FromCluster(200, default, "text/plain");
                default:
                    // The cluster's own "not found" is an answer, not an error of the shim.
                    return ShimAnswer.FromCluster(404, "no such thing"u8.ToArray(), "text/plain");
            }
        }
    }

    private async Task<ExecuteResponse> AfterAsync(TimeSpan wait, ExecuteResponse answer, ExecuteRequest request, CancellationToken ct)
    {
        TimeSpan timeout = request.TimeoutMilliseconds == 0 ? s_defaultTimeout : TimeSpan.FromMilliseconds(request.TimeoutMilliseconds);
        await Task.Delay(wait < timeout ? wait : timeout, time, ct);
        return wait < timeout ? answer : ShimAnswer.Failure(Error.TimedOut, $"{request.Method} {request.Url}: not done within {timeout.TotalSeconds} s; give it more time");
    }

    private static ExecuteResponse Capped(ExecuteRequest request, ExecuteResponse answer)
    {
        uint cap = request.MaxResponseBytes == 0 ? MaxThingBytes : Math.Min(request.MaxResponseBytes, MaxThingBytes);
        return answer.Body.Length <= cap
            ? answer
            : ShimAnswer.Failure(Error.TooLarge, $"{request.Method} {request.Url}: the answer has {answer.Body.Length} bytes, more than {cap}; raise maxResponseBytes");
    }

    private static Task<ExecuteResponse> Refuse(Error error, string text) => Task.FromResult(ShimAnswer.Failure(error, text));
}
