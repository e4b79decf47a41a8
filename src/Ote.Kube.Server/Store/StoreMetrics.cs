using System.Diagnostics.Metrics;

namespace Ote.Kube.Server.Store;

/// <summary>What the store measures: how many writes share a commit, how long it takes, how many objects there are.</summary>
internal sealed class StoreMetrics
{
    private readonly Histogram<int> _batch;
    private readonly Histogram<double> _duration;
    private long _objects;

    public StoreMetrics(Meter meter)
    {
        _batch = meter.CreateHistogram(
            "ote.kube.server.store.commit.batch", "{write}", "Writes that shared one commit", null, new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 20, 100, 500] });
        _duration = meter.CreateHistogram(
            "ote.kube.server.store.commit.duration", "s", "Time of one commit, disk flush included", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5] });
        meter.CreateObservableUpDownCounter("ote.kube.server.store.rows", () => Interlocked.Read(ref _objects), "{object}", "Current objects in the store");
    }

    /// <summary>How many objects there were when the store was opened.</summary>
    public void Opened(long objects) => Interlocked.Exchange(ref _objects, objects);

    public void Committed(int writes, List<Change> changes, TimeSpan took)
    {
        _batch.Record(writes);
        _duration.Record(took.TotalSeconds);
        var difference = 0;
        foreach (var change in changes)
        {
            difference += change.Kind switch { ChangeKind.Modified => 0, ChangeKind.Added => 1, _ => -1 };
        }

        Interlocked.Add(ref _objects, difference);
    }
}
