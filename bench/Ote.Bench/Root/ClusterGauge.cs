using System.Diagnostics.Metrics;

namespace Ote.Bench.Root;

/// <summary>Reads from a controller's metrics how many clusters it has routes to, itself counted.</summary>
internal sealed class ClusterGauge : IDisposable
{
    private readonly MeterListener _listener = new();
    private int _clusters;

    public ClusterGauge(string controller)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "ote.clusters" && instrument.Meter.Tags?.Any(t => t.Key == "cluster" && t.Value as string == controller) == true)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((_, count, _, _) => _clusters = count);
        _listener.Start();
    }

    public int Read()
    {
        _listener.RecordObservableInstruments();
        return _clusters;
    }

    public void Dispose() => _listener.Dispose();
}
