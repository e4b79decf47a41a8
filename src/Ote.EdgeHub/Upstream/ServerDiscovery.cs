using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Upstream;

/// <summary>
/// Learns the cluster's other API servers from its Endpoints <c>default/kubernetes</c>, which its API servers keep, and remembers them, so that the node reaches the cluster by them though the named ones are gone when it starts again.
/// They are asked of an API server itself: by this node's cache that Service may lead to the hub.
/// </summary>
/// <param name="servers">Who is told.</param>
/// <param name="components">As whom it may be asked.</param>
/// <param name="remembered">Where they are remembered.</param>
/// <param name="kubelet">The kubelet's user, which may seldom read them and is tried last.</param>
/// <param name="own">Where the hub itself answers.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where trouble is told.</param>
internal sealed class ServerDiscovery(
    UpstreamServers servers, IReadOnlyCollection<NodeIdentity> components, RememberedServers remembered, string kubelet, Func<IReadOnlyCollection<IPEndPoint>> own, TimeProvider time, Func<double> random, ILogger log)
{
    private const string KubeProxy = "system:kube-proxy";
    private const string Namespace = "default";
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Forbidden = TimeSpan.FromMinutes(10);
    private static readonly ListQuery s_kubernetes = new(FieldSelector: "metadata.name=kubernetes"); // kube-proxy may list and not get
    private readonly Backoff _backoff = new(BackoffOptions.Default, random);
    private string? _known;
    private bool _isForbidden;
    private bool _isEmpty;

    /// <summary>Takes up those that were discovered before. Before <see cref="RunAsync"/>.</summary>
    public void Recall()
    {
        try
        {
            if (remembered.Read() is { } written)
            {
                _known = written;
                servers.Become(ServerList.Parse(written));
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            log.RememberedServersLost(unreadable.Message.TrimEnd('.'));
        }
    }

    /// <summary>Runs until stopped; then throws nothing.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            var pause = Forbidden;
            try
            {
                if (await FollowAsync(stop).ConfigureAwait(false))
                {
                    pause = Next(began);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception broken) when (broken is KubeStatusException or HttpRequestException or IOException or UnauthorizedAccessException or JsonException or OperationCanceledException)
            {
                pause = Next(began); // Cut off, or a watch that has to go on at another server.
            }

            await Task.Delay(pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private TimeSpan Next(long began)
    {
        if (time.GetElapsedTime(began) >= Calm)
        {
            _backoff.Reset();
        }

        return _backoff.Next();
    }

    /// <returns>False: nobody may. True: it went well, and the watch has ended.</returns>
    private async Task<bool> FollowAsync(CancellationToken stop)
    {
        NodeIdentity[] asked = [.. components.OrderBy(component => component.Name == KubeProxy ? 0 : component.Name == kubelet ? 2 : 1)];
        foreach (var identity in asked)
        {
            try
            {
                var list = await identity.Client.ListAsync(Kinds.Endpoints, Namespace, s_kubernetes, stop).ConfigureAwait(false);
                _isForbidden = false;
                Learn(list.Items.Count > 0 ? list.Items[0] : []);
                await foreach (var change in identity.Client.WatchAsync(Kinds.Endpoints, Namespace, s_kubernetes, list.ResourceVersion, stop).ConfigureAwait(false))
                {
                    if (change.Type is WatchEventType.Added or WatchEventType.Modified)
                    {
                        Learn(change.Object);
                    }
                }

                return true;
            }
            catch (KubeStatusException refused) when (refused.Code is (int)HttpStatusCode.Unauthorized or (int)HttpStatusCode.Forbidden)
            {
                // The next may.
            }
        }

        if (!_isForbidden)
        {
            _isForbidden = true;
            log.DiscoveryForbidden(string.Join(", ", asked.Select(identity => identity.Name)), Forbidden.TotalMinutes);
        }

        return false;
    }

    /// <summary>Where the disk takes nothing they count all the same, and are asked for again: the fault ends this watch.</summary>
    private void Learn(JsonObject endpoints)
    {
        var found = ServerList.Read(endpoints, own());
        if (found.Count == 0)
        {
            if (!_isEmpty)
            {
                log.NoServersListed();
            }

            _isEmpty = true;
            return;
        }

        _isEmpty = false;
        var written = ServerList.Written(found);
        if (written != _known)
        {
            servers.Become(found);
            remembered.Write(written);
            _known = written;
        }
    }
}
