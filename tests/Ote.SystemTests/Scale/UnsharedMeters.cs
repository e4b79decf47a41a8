using System.Diagnostics.Metrics;

namespace Ote.SystemTests.Scale;

/// <summary>A meter for each that asks. The usual factory looks through all meters of a name for one that fits.</summary>
internal sealed class UnsharedMeters : IMeterFactory
{
    public Meter Create(MeterOptions options) => new(options);

    public void Dispose()
    {
        // Each meter is disposed by who asked for it.
    }
}
