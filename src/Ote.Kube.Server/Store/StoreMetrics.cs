using System.Diagnostics.Metrics;

namespace Ote.Kube.Server.Store;

/// <summary>What the store measures: how many writes share a commit, how long it takes, how many objects there are.</summary>
internal sealed class StoreMetrics
{
    private readonly Histogram<int> _batch;
    private readonly Histogram<double> _duration;
    private readonly UpDownCounter<long> _rows;

    public StoreMetrics(Meter meter)
    {
        _batch = meter.CreateHistogram(
            "ote.kube.server.store.commit.batch", "{write}", "Writes that shared one commit", null, new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 20, 100, 500] });
        _duration = meter.CreateHistogram(
            "ote.kube.server.store.commit.duration", "s", "Time of one commit, disk flush included", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5] });
        _rows = meter.CreateUpDownCounter<long>("ote.kube.server.store.rows", "{object}", "Change in the number of current objects since the start");
    }

    public void Committed(int writes, List<Change> changes, TimeSpan took)
    {
        _batch.Record(writes);
        _duration.Record(took.TotalSeconds);
        if (!_rows.Enabled)
        {
            return;
        }

        foreach (var change in changes)
        {
            if (change.Kind != ChangeKind.Modified)
            {
                _rows.Add(change.Kind == ChangeKind.Added ? 1 : -1);
            }
        }
    }
}
