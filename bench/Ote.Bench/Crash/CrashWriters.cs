using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Bench.Crash;

/// <summary>
/// Clients that create and change objects of their own as fast as they are answered, each write with a number greater than the one before, and remember what was acknowledged.
/// What was not answered may have been carried out or not.
/// </summary>
/// <param name="clients">One for each writer.</param>
/// <param name="time">The clock.</param>
internal sealed class CrashWriters(IReadOnlyList<KubeClient> clients, TimeProvider time)
{
    /// <summary>The label of all they write.</summary>
    public const string Label = "from";

    private const int ObjectsOfAWriter = 20;
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(10);
    private readonly ConcurrentDictionary<string, (long Version, long Value)> _acknowledged = new(StringComparer.Ordinal);
    private ConcurrentQueue<long> _fresh = [];
    private long _count;

    /// <summary>The newest acknowledged version and number of each object.</summary>
    public IReadOnlyDictionary<string, (long Version, long Value)> Acknowledged => _acknowledged;

    /// <summary>How many writes were acknowledged.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>The versions acknowledged since this was asked last.</summary>
    public IReadOnlyCollection<long> TakeVersions() => Interlocked.Exchange(ref _fresh, []);

    /// <summary>Writes until told that it is enough.</summary>
    public Task RunAsync(CancellationToken enough) => Task.WhenAll(clients.Select((client, i) => WriteAsync(client, i, enough)));

    private async Task WriteAsync(KubeClient client, int writer, CancellationToken enough)
    {
        for (var n = 1L; !enough.IsCancellationRequested; n++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"w{writer}-{n % ObjectsOfAWriter}");
            var data = new JsonObject { ["data"] = new JsonObject { ["n"] = n.ToString(CultureInfo.InvariantCulture) } };
            try
            {
                var written = await client.GetAsync(Kinds.ConfigMaps, "default", name, enough) is null
                    ? await client.CreateAsync(Kinds.ConfigMaps, "default", Named(data, name), enough)
                    : await client.PatchAsync(Kinds.ConfigMaps, "default", name, PatchKind.Merge, data, enough);
                var version = long.Parse(written.ResourceVersion(), CultureInfo.InvariantCulture);
                _acknowledged[name] = (version, n);
                _fresh.Enqueue(version);
                Interlocked.Increment(ref _count);
            }
            catch (OperationCanceledException) when (enough.IsCancellationRequested)
            {
                return;
            }
            catch (Exception cut) when (cut is HttpRequestException or IOException or OperationCanceledException)
            {
                await Task.Delay(Again, time, CancellationToken.None);
            }
        }
    }

    private static JsonObject Named(JsonObject map, string name)
    {
        map["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { [Label] = "writer" } };
        return map;
    }
}
