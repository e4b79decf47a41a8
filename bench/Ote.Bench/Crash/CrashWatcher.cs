using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Bench.Crash;

/// <summary>
/// A client that watches, by the protocol alone: when its watch ends it begins another from the last version it saw, and never lists. So what it does not see is a gap, what it sees again or late is
/// doubled, and a server that does not know its version any more has refused it.
/// </summary>
/// <param name="http">A client of the server, without a time limit.</param>
/// <param name="from">Of the list it begins with.</param>
/// <param name="time">The clock.</param>
internal sealed class CrashWatcher(HttpClient http, long from, TimeProvider time)
{
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(10);
    private readonly ConcurrentDictionary<long, bool> _seen = [];
    private long _newest = from;
    private long _faults;

    /// <summary>The newest version that came by.</summary>
    public long Newest => Interlocked.Read(ref _newest);

    /// <summary>Events that came twice or after newer ones, and refusals.</summary>
    public long Faults => Interlocked.Read(ref _faults);

    /// <summary>How many of some versions did not come by; forgets what did, up to the greatest of them.</summary>
    public int Missing(IReadOnlyCollection<long> versions)
    {
        var missing = versions.Count(version => !_seen.ContainsKey(version));
        var most = versions.Count == 0 ? 0 : versions.Max();
        foreach (var old in _seen.Keys.Where(version => version <= most - 10_000))
        {
            _seen.TryRemove(old, out _);
        }

        return missing;
    }

    /// <summary>Watches until told that it is enough.</summary>
    public async Task RunAsync(CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            try
            {
                await using var stream = await http.GetStreamAsync(
                    new Uri(string.Create(CultureInfo.InvariantCulture, $"api/v1/namespaces/default/configmaps?watch=true&labelSelector={CrashWriters.Label}&resourceVersion={Newest}"), UriKind.Relative), enough);
                using var lines = new StreamReader(stream);
                while (await lines.ReadLineAsync(enough) is { } line)
                {
                    Take(line);
                }
            }
            catch (OperationCanceledException) when (enough.IsCancellationRequested)
            {
                return;
            }
            catch (Exception cut) when (cut is HttpRequestException or IOException or OperationCanceledException)
            {
                // Killed, or not there again yet.
            }

            await Task.Delay(Again, time, CancellationToken.None);
        }
    }

    private void Take(string line)
    {
        JsonNode change;
        try
        {
            change = JsonNode.Parse(line)!;
        }
        catch (System.Text.Json.JsonException)
        {
            return; // the line that the kill cut off: its event comes again
        }

        var version = (string?)change["type"] is "ADDED" or "MODIFIED" ? long.Parse(((JsonObject)change["object"]!).ResourceVersion(), CultureInfo.InvariantCulture) : 0;
        if (version <= Newest)
        {
            Interlocked.Increment(ref _faults);
            return;
        }

        _seen[version] = true;
        Interlocked.Exchange(ref _newest, version);
    }
}
