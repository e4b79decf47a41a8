using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Routing;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Watching;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Handling;

/// <summary>
/// Keeps the <c>Cluster</c> objects of a control API equal to the routes, and carries out what operators wish there: tags, and
/// forgetting a cluster by deleting its object. Writes on change only: an idle tree writes nothing.
/// </summary>
internal sealed class ClusterObjects : IDisposable
{
    private const int Parallel = 16;
    private readonly RouteKeeper _routes;
    private readonly Uplink _uplink;
    private readonly KubeClient _api;
    private readonly Informer _informer;
    private readonly WorkQueue<string> _queue;
    private readonly Func<Message, Task> _sendTags;
    private readonly ClusterCertificates _certificates;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly bool _isRoot;
    private readonly ConcurrentDictionary<string, bool> _seen = new(StringComparer.Ordinal);

    public ClusterObjects(
        RouteKeeper routes, Uplink uplink, KubeClient api, Func<Message, Task> sendTags, ClusterCertificates certificates, TimeProvider time, Func<double> random, ILogger log)
    {
        (_routes, _uplink, _api, _sendTags, _certificates, _time, _log, _isRoot) = (routes, uplink, api, sendTags, certificates, time, log, uplink.IsRoot);
        certificates.OwnChanged += () => _queue!.Add(routes.Self.Name);
        _queue = new WorkQueue<string>(time, random);
        _informer = new Informer(api, Kinds.Clusters, null, null, time, random, log);
        _informer.Changed += (before, after) => _queue.Add((after ?? before)!.Name());
        routes.Changed += changes =>
        {
            foreach (var change in changes)
            {
                _queue.Add(change.Name);
            }
        };
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var watching = _informer.RunAsync(stop);
        await _informer.Synced.WaitAsync(stop).ConfigureAwait(false);
        foreach (var entry in _routes.Read(t => t.Below.Append(t.Self).ToArray()))
        {
            _queue.Add(entry.Name);
        }

        await new Reconciler("cluster objects", _queue, ReconcileAsync, Parallel, _log).RunAsync(stop).ConfigureAwait(false);
        await watching.ConfigureAwait(false);
    }

    public void Dispose() => _queue.Dispose();

    private async Task<Next> ReconcileAsync(string name, CancellationToken ct)
    {
        var (entry, path) = _routes.Read(t => (t.Find(name), PathTo(t, name)));
        var known = _informer.Get(name);
        if (entry is null)
        {
            return await WithoutRouteAsync(name, known, ct).ConfigureAwait(false);
        }

        if (known is null)
        {
            if (await _api.GetAsync(Kinds.Clusters, null, name, ct).ConfigureAwait(false) is { } fresh)
            {
                known = fresh;
            }
            else if (WasDeleted(name) && !entry.Online && name != _routes.Self.Name)
            {
                _routes.Apply(t => t.Forget(name));
                return Next.Done;
            }
            else
            {
                known = await CreateAsync(entry, ct).ConfigureAwait(false);
            }
        }

        _seen.TryAdd(name, true);
        await _certificates.ObserveAsync(known).ConfigureAwait(false);
        var next = known.Copy();
        ClusterStatus.Write(next.Child("status"), entry, path, next.Truth("spec", "accepted") ?? true, _time.GetUtcNow());
        var again = _certificates.Write(next, name == _routes.Self.Name);
        if (!JsonNode.DeepEquals(next["status"], known["status"]))
        {
            await _api.ReplaceStatusAsync(Kinds.Clusters, next, ct).ConfigureAwait(false);
        }

        await WishedTagsAsync(known, entry).ConfigureAwait(false);
        return again;
    }

    /// <summary>An object that was there and is gone was deleted by someone; one never seen has just not been written yet.</summary>
    private bool WasDeleted(string name) => _seen.ContainsKey(name);

    private async Task<Next> WithoutRouteAsync(string name, JsonObject? known, CancellationToken ct)
    {
        if (known is null)
        {
            _seen.TryRemove(name, out _);
            _certificates.Forget(name);
            return Next.Done;
        }

        await _certificates.ObserveAsync(known).ConfigureAwait(false);

        // The root keeps the object of a cluster that may join or was never heard of; elsewhere it goes with the route.
        if (!_isRoot || (known.Text("status", "uid") is not null && _seen.TryRemove(name, out _)))
        {
            await _api.DeleteAsync(Kinds.Clusters, null, name, ct, known.Uid()).ConfigureAwait(false);
            return Next.Done;
        }

        var next = known.Copy();
        ClusterStatus.WriteUnattached(next.Child("status"), known, _time.GetUtcNow());
        var again = _certificates.Write(next, isOwn: false);
        if (!JsonNode.DeepEquals(next["status"], known["status"]))
        {
            await _api.ReplaceStatusAsync(Kinds.Clusters, next, ct).ConfigureAwait(false);
        }

        return again;
    }

    private Task<JsonObject> CreateAsync(RouteEntry entry, CancellationToken ct) => _api.CreateAsync(
        Kinds.Clusters,
        null,
        new JsonObject
        {
            ["apiVersion"] = Kinds.Clusters.ApiVersion,
            ["kind"] = Kinds.Clusters.Kind,
            ["metadata"] = new JsonObject { ["name"] = entry.Name },
            ["spec"] = new JsonObject { ["name"] = entry.Name, ["uid"] = entry.Uid, ["accepted"] = !_certificates.IsRevoked(entry.Uid) },
        },
        ct);

    private async Task WishedTagsAsync(JsonObject cluster, RouteEntry entry)
    {
        if (cluster.Items("spec", "tags") is not { } wished || !entry.Online)
        {
            return;
        }

        if (!TagSet.TryCreate(wished.Select(t => t?.ToString() ?? ""), out var tags, out var error))
        {
            _log.ParentMessageRefused("spec.tags of " + entry.Name, error);
            return;
        }

        if (!tags.Equals(entry.Tags))
        {
            await _sendTags(new Message
            {
                Lane = Lane.Control,
                SetTags = new SetTags { Name = entry.Name, Tags = { tags }, Generation = (ulong)cluster.Generation() },
            }).ConfigureAwait(false);
        }
    }

    private List<string> PathTo(RouteTable table, string name)
    {
        var path = new List<string>();
        for (var at = name; path.Count < 64 && at != table.Self.Name && table.Find(at) is { } entry; at = entry.Parent)
        {
            path.Add(at);
        }

        path.AddRange(_uplink.Path.Reverse());
        path.Reverse();
        return path;
    }
}
