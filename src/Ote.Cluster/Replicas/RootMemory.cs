using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Replicas;

/// <summary>
/// The journal of a root that may lead elsewhere tomorrow: what must not be forgotten is on the control API, not on this machine's disk. Clusters
/// that are away are known from their <c>Cluster</c> objects, and the list of who is shut out is in a ConfigMap, signed by the CA; both are
/// read when a replica begins to lead. The rest a root learns anew. Thread-safe.
/// </summary>
public sealed class RootMemory : IJournal
{
    /// <summary>The ConfigMap of who is shut out, in <see cref="ClusterController.SystemNamespace"/>.</summary>
    public const string RevocationsName = "ote-revocations";

    private const int Attempts = 5;
    private readonly MemoryJournal _memory = new();
    private readonly KubeClient _api;

    private RootMemory(KubeClient api) => _api = api;

    /// <summary>Reads what the leaders before have left.</summary>
    public static async Task<RootMemory> LoadAsync(KubeClient api, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(api);
        var memory = new RootMemory(api);
        var clusters = await api.ListAsync(Kinds.Clusters, null, null, ct).ConfigureAwait(false);
        await memory._memory.WriteAsync([.. clusters.Items.Select(Route).OfType<JournalChange>()]).ConfigureAwait(false);
        if ((await memory.MapAsync(ct).ConfigureAwait(false))?.Text("binaryData", RevocationKeeper.Key) is { } list)
        {
            await memory._memory.WriteAsync(JournalChange.Put(RevocationKeeper.Book, RevocationKeeper.Key, Convert.FromBase64String(list))).ConfigureAwait(false);
        }

        return memory;
    }

    /// <inheritdoc/>
    public IReadOnlyList<JournalRow> Load(string book) => _memory.Load(book);

    /// <inheritdoc/>
    public async Task WriteAsync(params JournalChange[] changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        foreach (var change in changes)
        {
            if (change is { Book: RevocationKeeper.Book, Value: { } list })
            {
                await ShareAsync(list).ConfigureAwait(false);
            }
        }

        await _memory.WriteAsync(changes).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _memory.DisposeAsync();

    /// <summary>The row of a cluster as the routes keep it; null for the root itself and for what was never attached.</summary>
    internal static JournalChange? Route(JsonObject cluster)
    {
        if (cluster.Items("status", "path") is not { Count: > 1 } path || cluster.Text("status", "uid") is not { Length: > 0 } uid || cluster.Text("status", "parentName") is not { Length: > 0 } parent)
        {
            return null;
        }

        var wire = new Wire.RouteEntry
        {
            Name = cluster.Name(),
            Uid = uid,
            Parent = parent,
            Hop = path[1]?.ToString() ?? "",
            Epoch = (ulong)Math.Max(0, cluster.Whole("status", "epoch") ?? 0),
            Address = cluster.Text("status", "listen") ?? "",
            Version = cluster.Text("status", "version") ?? "",
            SinceUnixMilliseconds = Math.Clamp(cluster.Whole("status", "timestamp") ?? 0, 0, uint.MaxValue) * 1000,
            Managed = cluster.Truth("status", "managed") ?? false,
            Home = cluster.Text("status", "preferredParent") ?? "",
            Tags = { cluster.Items("status", "tags")?.Select(t => t?.ToString() ?? "") ?? [] },
        };
        return RouteWire.TryRead(wire, out _, out _) ? JournalChange.Put(RouteKeeper.Book, wire.Name, wire.ToByteArray()) : null;
    }

    private Task<JsonObject?> MapAsync(CancellationToken ct) => _api.GetAsync(Kinds.ConfigMaps, ClusterController.SystemNamespace, RevocationsName, ct);

    private async Task ShareAsync(byte[] list)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var known = await MapAsync(CancellationToken.None).ConfigureAwait(false);
                var map = known ?? new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "ConfigMap",
                    ["metadata"] = new JsonObject { ["name"] = RevocationsName, ["namespace"] = ClusterController.SystemNamespace },
                };
                map["binaryData"] = new JsonObject { [RevocationKeeper.Key] = Convert.ToBase64String(list) };
                await (known is null
                    ? _api.CreateAsync(Kinds.ConfigMaps, ClusterController.SystemNamespace, map, CancellationToken.None)
                    : _api.ReplaceAsync(Kinds.ConfigMaps, map, CancellationToken.None)).ConfigureAwait(false);
                return;
            }
            catch (KubeStatusException raced) when (attempt < Attempts && (raced.IsConflict || raced.IsAlreadyExists))
            {
                // Read again what is there now.
            }
            catch (Exception away) when (away is HttpRequestException or KubeStatusException or IOException)
            {
                throw new JournalException($"the list of revocations cannot be written to ConfigMap {RevocationsName}: {away.Message}. It is tried again.", away);
            }
        }
    }
}
