using System.Diagnostics.Metrics;

namespace Ote.Testing.Simulation;

/// <summary>
/// The meters that all simulated processes share. Nobody listens to them, so each is disposed before it is used: the real process
/// then keeps no list of what is measured by it, and all controllers have one and the same counters.
/// </summary>
internal sealed class SimMeters : IMeterFactory
{
    private readonly Dictionary<string, Meter> _meters = new(StringComparer.Ordinal);

    public Meter Create(MeterOptions options)
    {
        if (!_meters.TryGetValue(options.Name, out var meter))
        {
            _meters[options.Name] = meter = new Meter(options);
            meter.Dispose();
        }

        return meter;
    }

    public void Dispose() => _meters.Clear();
}
