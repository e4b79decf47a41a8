using System.Diagnostics.Metrics;

namespace Ote.Kube.Server.Store;

/// <summary>What the store measures: how many writes share a commit, how long it takes, how many objects there are.</summary>
internal sealed class StoreMetrics
{
    private readonly Histogram<int> _batch;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _failures;
    private long _objects;
    private int _troubled;

    public StoreMetrics(Meter meter)
    {
        _batch = meter.CreateHistogram(
            "ote.kube.server.store.commit.batch", "{write}", "Writes that shared one commit", null, new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 20, 100, 500] });
        _duration = meter.CreateHistogram(
            "ote.kube.server.store.commit.duration", "s", "Time of one commit, disk flush included", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5] });
        meter.CreateObservableUpDownCounter("ote.kube.server.store.rows", () => Interlocked.Read(ref _objects), "{object}", "Current objects in the store");
        _failures = meter.CreateCounter<long>("ote.kube.server.store.failures", "{failure}", "Commits and reads that failed, by cause");
        meter.CreateObservableUpDownCounter("ote.kube.server.store.troubled", () => Volatile.Read(ref _troubled), "{store}", "1 while the store cannot do as it is asked");
    }

    /// <summary>A commit or a read failed.</summary>
    public void Failed(StoreTrouble trouble) => _failures.Add(1, new KeyValuePair<string, object?>("cause", StoreFault.Name(trouble)));

    /// <summary>Whether the store is in trouble.</summary>
    public void Troubled(bool now) => Volatile.Write(ref _troubled, now ? 1 : 0);

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
