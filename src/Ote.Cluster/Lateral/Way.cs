namespace Ote.Cluster.Lateral;

/// <summary>What one link costs a message, as far as it is measured.</summary>
/// <param name="IsOpen">Whether it carries messages now: it is up, and its budget does not hold them back.</param>
/// <param name="RoundTrip">The smoothed round trip; null: not measured yet.</param>
/// <param name="BytesPerSecond">What its budget lets through; null: any number.</param>
internal readonly record struct Way(bool IsOpen, TimeSpan? RoundTrip, long? BytesPerSecond = null);
