using System.Diagnostics.Metrics;
using Ote.Shim.Contract;

namespace Ote.Shim;

/// <summary>Meter "Ote.Shim": executions by destination, method and outcome, their duration in seconds, and the length of the queue.</summary>
public sealed class ShimMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Ote.Shim";

    private readonly Meter _meter;
    private readonly Counter<long> _executions;
    private readonly Histogram<double> _duration;

    /// <summary>Makes the instruments.</summary>
    public ShimMetrics(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _meter = meters.Create(MeterName);
        _executions = _meter.CreateCounter<long>("ote.shim.executions", "{request}", "Requests answered, by outcome.");
        _duration = _meter.CreateHistogram(
            "ote.shim.execution.duration", "s", "From arrival to answer, waiting included.", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.02, 0.1, 0.5, 1, 5, 30, 120] });
    }

    /// <summary>Publishes the length of a queue of this shim.</summary>
    public void ObserveQueue(Func<int> length) =>
        _meter.CreateObservableGauge("ote.shim.queue.length", length, "{request}", "Requests that wait or run.");

    /// <summary>Counts one answered request. Words that callers choose are folded into few, so that they cannot grow the series.</summary>
    public void Executed(ExecuteRequest request, ExecuteResponse response, TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(response);
        string destination = request.Destination is "api" or "helm" ? request.Destination : "other";
        string method = request.Method is "GET" or "HEAD" or "POST" or "PUT" or "PATCH" or "DELETE" ? request.Method : "other";
        string outcome = response.Error == ExecuteResponse.Types.Error.None ? $"{response.Code / 100}xx" : response.Error.ToString();
        _executions.Add(1, new("destination", destination), new("method", method), new("outcome", outcome));
        _duration.Record(duration.TotalSeconds, new("destination", destination), new KeyValuePair<string, object?>("method", method));
    }
}
