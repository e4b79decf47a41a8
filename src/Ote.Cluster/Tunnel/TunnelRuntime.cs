using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// What tunnels share: clock, meters, tracing, and one timer for all their links. One per process is usual, any number work;
/// thread-safe. Dispose it after the tunnels.
/// </summary>
public sealed class TunnelRuntime : IDisposable
{
    private readonly long started;

    /// <summary>Makes the shared parts.</summary>
    /// <param name="time">The clock of everything here.</param>
    /// <param name="meters">Makes the meter <c>Ote.Cluster.Tunnel</c>.</param>
    /// <param name="logs">Makes the logs.</param>
    /// <param name="random">Uniform in [0, 1); spreads retries. Thread-safe.</param>
    /// <param name="incarnation">16 random bytes of this run of the process.</param>
    public TunnelRuntime(TimeProvider time, IMeterFactory meters, ILoggerFactory logs, Func<double> random, ReadOnlyMemory<byte> incarnation)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(logs);
        if (incarnation.Length != 16) throw new ArgumentException($"an incarnation has 16 bytes, not {incarnation.Length}", nameof(incarnation));
        Time = time;
        Random = random;
        Incarnation = incarnation.ToArray();
        Ids = new MessageIds(Incarnation);
        started = time.GetTimestamp();
        Metrics = new TunnelMetrics(meters);
        Log = logs.CreateLogger("Ote.Cluster.Tunnel");
        Timers = new LinkTimers(this);
    }

    /// <summary>The source of the activities messages are received under.</summary>
    public ActivitySource Activities { get; } = new(TunnelMetrics.MeterName);

    internal TimeProvider Time { get; }

    internal Func<double> Random { get; }

    internal ReadOnlyMemory<byte> Incarnation { get; }

    internal MessageIds Ids { get; }

    internal TunnelMetrics Metrics { get; }

    internal ILogger Log { get; }

    internal LinkTimers Timers { get; }

    /// <summary>Milliseconds since this runtime began, monotonic.</summary>
    internal long Now => (long)Time.GetElapsedTime(started).TotalMilliseconds;

    /// <summary>Encodes a message once for any number of links; sets its id when it has none.</summary>
    /// <exception cref="ArgumentException">No lane or no payload.</exception>
    public SharedMessage Share(Message message) => SharedMessage.Create(message, Ids);

    /// <inheritdoc/>
    public void Dispose()
    {
        Timers.Dispose();
        Metrics.Dispose();
        Activities.Dispose();
    }
}
