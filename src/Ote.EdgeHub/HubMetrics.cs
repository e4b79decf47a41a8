using System.Diagnostics.Metrics;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Offline;
using Ote.EdgeHub.Proxy;
using Ote.EdgeHub.Sharing;
using Ote.EdgeHub.Upstream;

namespace Ote.EdgeHub;

/// <summary>Meter "Ote.EdgeHub": how the node stands to its API servers, what it keeps, and where requests are answered. Thread-safe.</summary>
internal sealed class HubMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly bool _isOwn;
    private readonly Counter<long> _requests;
    private readonly Counter<long> _refused;

    /// <summary>Makes the instruments.</summary>
    /// <param name="factory">Who publishes them, and disposes of them; null: nobody does.</param>
    public HubMetrics(IMeterFactory? factory)
    {
        _isOwn = factory is null;
        _meter = factory?.Create("Ote.EdgeHub") ?? new Meter("Ote.EdgeHub");
        _requests = _meter.CreateCounter<long>("ote.edgehub.requests", "{request}", "Requests of the node, by where they were answered.");
        _refused = _meter.CreateCounter<long>("ote.edgehub.refused", "{request}", "Requests of callers that are not known.");
    }

    /// <summary>Shows what changes by itself.</summary>
    public void Observe(NodeConnection connection, UpstreamServers servers, NodeIdentities identities, NodeCache cache, SharedReads shared)
    {
        _meter.CreateObservableGauge("ote.edgehub.connected", () => Told(connection), "{connection}", "1 while requests go to the API servers, 0 while the node is on its own or returns.");
        _meter.CreateObservableGauge("ote.edgehub.servers", () => servers.Up, "{server}", "API servers that are up.");
        _meter.CreateObservableGauge("ote.edgehub.unauthorized", () => Refused(identities), "{component}", "Components whose credentials the API server does not take.");
        _meter.CreateObservableGauge("ote.edgehub.shared", () => FromSite(shared), "{hub}", "1 while Services and what they lead to are read from another hub of the site, 0 while from the API server.");
        _meter.CreateObservableGauge("ote.edgehub.journal", () => cache.Journalled, "{object}", "Objects written while cut off that the API server has not been told of.");
        _meter.CreateObservableGauge("ote.edgehub.copies", () => cache.Scopes.Count(), "{copy}", "Queries whose answers are kept.");
        _meter.CreateObservableGauge("ote.edgehub.cache", () => cache.Bytes, "By", "Bytes of the cache's database that are in use.");
        _meter.CreateObservableGauge("ote.edgehub.cache.troubled", () => Troubled(cache), "{cache}", "1 while the cache cannot be written or read.");
    }

    /// <summary>One was answered.</summary>
    public void Answered(Route way) => _requests.Add(1, new KeyValuePair<string, object?>("way", way switch
    {
        Route.Forward => "forward", Route.Keep => "keep", Route.Follow => "copy", Route.ReadHere => "object", Route.WriteHere => "journal", Route.Remember => "answer", Route.Document => "document", _ => "none",
    }));

    /// <summary>One was refused.</summary>
    public void Refused() => _refused.Add(1);

    private static int FromSite(SharedReads shared) => shared.Source is null ? 0 : 1;

    private static int Refused(NodeIdentities identities) => identities.Components.Count(component => component.IsRefused);

    private static int Told(NodeConnection connection) => connection.State == ConnectionState.Connected ? 1 : 0;

    private static int Troubled(NodeCache cache) => cache.Fault is null ? 0 : 1;

    public void Dispose()
    {
        if (_isOwn)
        {
            _meter.Dispose();
        }
    }
}
