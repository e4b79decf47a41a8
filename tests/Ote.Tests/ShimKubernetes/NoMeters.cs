using System.Diagnostics.Metrics;

namespace Ote.Tests.ShimKubernetes;

/// <summary>Makes meters that nobody listens to.</summary>
internal sealed class NoMeters : IMeterFactory
{
    public Meter Create(MeterOptions options) => new(options);

    public void Dispose()
    {
    }
}
