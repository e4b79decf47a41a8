using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Ote.Kube.Server.Http;

/// <summary>Counts requests by verb and code, and times them (watches excepted: they last as long as they last).</summary>
internal sealed class RequestMetrics(Meter meter, TimeProvider time)
{
    private readonly Counter<long> _requests = meter.CreateCounter<long>("ote.kube.server.requests", "{request}", "Requests answered");
    private readonly Histogram<double> _duration = meter.CreateHistogram(
        "ote.kube.server.request.duration", "s", "Time to answer, watches excepted", null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 30] });

    /// <summary>Has them tell what goes on now.</summary>
    /// <param name="watchers">How many watches are served.</param>
    /// <param name="waiting">How many requests wait for others to end.</param>
    public void Observe(Func<int> watchers, Func<int> waiting)
    {
        meter.CreateObservableUpDownCounter("ote.kube.server.watchers", watchers, "{watch}", "Watches being served");
        meter.CreateObservableUpDownCounter("ote.kube.server.waiting", waiting, "{request}", "Requests waiting for others to end");
    }

    public long Begin() => time.GetTimestamp();

    public void End(long began, string verb, int code)
    {
        var tags = new TagList { { "verb", verb }, { "code", code } };
        _requests.Add(1, tags);
        if (verb != "watch")
        {
            _duration.Record(time.GetElapsedTime(began).TotalSeconds, tags);
        }
    }
}
