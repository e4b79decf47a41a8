using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Ote.Kube.Server.Http;

/// <summary>Counts requests by verb and code, and times them (watches excepted: they last as long as they last).</summary>
internal sealed class RequestMetrics(Meter meter, TimeProvider time)
{
    private readonly Counter<long> _requests = meter.CreateCounter<long>("ote.kube.server.requests", "{request}", "Requests answered");
    private readonly Histogram<double> _duration = meter.CreateHistogram<double>("ote.kube.server.request.duration", "s", "Time to answer, watches excepted");

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
