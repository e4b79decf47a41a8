using System.Net;
using Microsoft.Extensions.Logging;

namespace Ote.EdgeHub.Proxy;

/// <summary>Tells the log whom the hub does not know: once a minute for each address and reason, since who is refused asks again and again. Thread-safe.</summary>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class Refusals(TimeProvider time, ILogger log)
{
    private const int MostKnown = 256;
    private static readonly TimeSpan Again = TimeSpan.FromMinutes(1);
    private readonly Lock _gate = new();
    private readonly Dictionary<(IPAddress? From, string Reason), DateTimeOffset> _told = [];

    /// <summary>One was refused.</summary>
    /// <param name="from">Where it came from; null: not known.</param>
    /// <param name="what">What it asked for; nothing secret.</param>
    /// <param name="reason">Why.</param>
    public void Add(IPAddress? from, string what, string reason)
    {
        var now = time.GetUtcNow();
        lock (_gate)
        {
            if (_told.TryGetValue((from, reason), out var at) && now - at < Again)
            {
                return;
            }

            if (_told.Count >= MostKnown)
            {
                _told.Clear(); // Somebody tries many names: it is told again, and takes no more memory.
            }

            _told[(from, reason)] = now;
        }

        log.CallerRefused(what, from?.ToString() ?? "an unknown address", reason);
    }
}
