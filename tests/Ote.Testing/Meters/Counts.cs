using System.Diagnostics.Metrics;

namespace Ote.Testing.Meters;

/// <summary>
/// Adds up what the meters of one factory count, by series. Tests that run beside each other have a factory each, and do not see each
/// other's. Thread-safe.
/// </summary>
public sealed class Counts : IDisposable
{
    private readonly MeterListener listener = new();
    private readonly Lock gate = new();
    private readonly Dictionary<string, long> series = new(StringComparer.Ordinal);

    /// <summary>Counts from now on.</summary>
    public Counts(IMeterFactory factory)
    {
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Scope == factory) self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Add(instrument, 1, tags)); // of a duration, how many
        listener.Start();
    }

    /// <summary>The sum over all series of an instrument that carry these tags, <c>name=value</c> each; 0 when there is none.</summary>
    public long Of(string instrument, params string[] tags)
    {
        lock (gate)
        {
            return series.Where(s => Is(s.Key, instrument) && tags.All(tag => s.Key.Contains($"|{tag}|", StringComparison.Ordinal))).Sum(s => s.Value);
        }
    }

    /// <summary>The names of the tags an instrument has been seen with, in order.</summary>
    public IReadOnlyList<string> Tags(string instrument)
    {
        lock (gate)
        {
            IEnumerable<string> tags = series.Keys.Where(key => Is(key, instrument)).SelectMany(key => key.Split('|', StringSplitOptions.RemoveEmptyEntries).Skip(1));
            return [.. tags.Select(tag => tag.Split('=')[0]).Distinct().Order(StringComparer.Ordinal)];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => listener.Dispose();

    private static bool Is(string key, string instrument) => key.StartsWith(instrument + "|", StringComparison.Ordinal);

    private void Add(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string key = instrument.Name + "|";
        foreach ((string name, object? tag) in instrument.Meter.Tags ?? []) key += $"{name}={tag}|";
        foreach ((string name, object? tag) in tags) key += $"{name}={tag}|";
        lock (gate) series[key] = series.GetValueOrDefault(key) + value;
    }
}
