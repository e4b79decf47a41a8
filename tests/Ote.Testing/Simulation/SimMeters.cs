using System.Diagnostics.Metrics;

namespace Ote.Testing.Simulation;

/// <summary>The meters of one simulated process, which the real process knows until they are disposed.</summary>
internal sealed class SimMeters : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        _meters.ForEach(static m => m.Dispose());
        _meters.Clear();
    }
}
