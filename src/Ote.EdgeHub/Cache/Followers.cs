using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Sharing;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.EdgeHub.Cache;

/// <summary>The upstream watches of all copies. They run while the node is connected, each with the credentials of somebody who may read what it brings. Thread-safe.</summary>
/// <param name="cache">What they fill.</param>
/// <param name="identities">Whose credentials there are.</param>
/// <param name="shared">Who is asked for what is the same on all nodes.</param>
/// <param name="kindOf">The kind of a query; null when there is none such.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where trouble is told.</param>
internal sealed class Followers(
    NodeCache cache, NodeIdentities identities, SharedReads shared, Func<CacheQuery, ResourceRef?> kindOf, TimeProvider time, Func<double> random, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan Anew = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Looks = TimeSpan.FromSeconds(5); // so long a first list may wait until the site has been looked at
    private readonly Lock _gate = new();
    private readonly Dictionary<CacheScope, (Task Task, CancellationTokenSource Stop)> _running = [];
    private CancellationTokenSource? _connected;

    /// <summary>Begins to follow everything that has a reader.</summary>
    public void Start()
    {
        lock (_gate)
        {
            _connected ??= new CancellationTokenSource();
            foreach (var scope in cache.Scopes.ToArray())
            {
                Begin(scope);
            }
        }
    }

    /// <summary>Ends all watches; what is here stays.</summary>
    public async Task StopAsync()
    {
        CancellationTokenSource? connected;
        (Task Task, CancellationTokenSource Stop)[] running;
        lock (_gate)
        {
            (connected, _connected) = (_connected, null);
            running = [.. _running.Values];
            _running.Clear();
        }

        if (connected is not null)
        {
            await connected.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running.Select(one => one.Task)).ConfigureAwait(false);
            foreach (var (_, stop) in running)
            {
                stop.Dispose();
            }

            connected.Dispose();
        }
    }

    /// <summary>Sees to it that a copy is followed, while connected.</summary>
    public void Follow(CacheScope scope)
    {
        lock (_gate)
        {
            Begin(scope);
        }
    }

    /// <summary>What is the same on all nodes is to be read from somewhere else: its watches end, and go on there from where they were.</summary>
    public void Turn()
    {
        lock (_gate)
        {
            foreach (var (scope, one) in _running.Where(one => SharedReads.Concerns(one.Key.Query)).ToArray())
            {
                _running.Remove(scope);
                one.Stop.Cancel();
                _ = one.Task.ContinueWith(_ => one.Stop.Dispose(), TaskScheduler.Default);
                Begin(scope, one.Task);
            }
        }
    }

    /// <summary>Ends the watch of a copy that goes.</summary>
    public void Leave(CacheScope scope)
    {
        lock (_gate)
        {
            if (_running.Remove(scope, out var one))
            {
                one.Stop.Cancel();
                _ = one.Task.ContinueWith(_ => one.Stop.Dispose(), TaskScheduler.Default);
            }
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    /// <param name="scope">What to follow.</param>
    /// <param name="former">Who followed it and is to have ended first; null: nobody did.</param>
    private void Begin(CacheScope scope, Task? former = null)
    {
        if (_connected is not { } connected || !scope.Query.IsFollowed || _running.ContainsKey(scope) || kindOf(scope.Query) is not { } kind)
        {
            return;
        }

        NodeIdentity[] readers = [.. scope.Readers.Select(identities.Find).OfType<NodeIdentity>()];
        var sharing = SharedReads.Concerns(scope.Query) ? Array.Find(readers, reader => reader.Shared is not null) : null;
        if ((sharing ?? readers.FirstOrDefault()) is not { } reader)
        {
            return;
        }

        var stop = CancellationTokenSource.CreateLinkedTokenSource(connected.Token);
        var client = sharing?.Shared ?? reader.Client;
        _running[scope] = (Task.Run(() => FollowAsync(scope, client, reader.Name, kind, sharing is not null, former, stop.Token), CancellationToken.None), stop);
    }

    /// <summary>The version to go on from; null: from a new list. Where another hub may have led the Service <c>default/kubernetes</c> to itself, the API server's word on it is taken anew.</summary>
    private string? From(CacheScope scope, bool isTurned) =>
        scope.Complete.IsCompleted && !scope.IsDoubtful && !(isTurned && shared.MovesEndpoints && NodeView.Concerns(scope.Query.Resource)) ? $"{scope.Revision}" : null;

    /// <summary>A copy that nobody keeps any more would be told for true for ever: what a watch did not expect ends it, and it is begun anew.</summary>
    private async Task FollowAsync(CacheScope scope, KubeClient client, string reader, ResourceRef kind, bool isShared, Task? former, CancellationToken stop)
    {
        await (former ?? Task.CompletedTask).ConfigureAwait(false);
        scope.Heard(null);
        var from = From(scope, former is not null);
        if (from is null && isShared)
        {
            // Another hub may have the list, on the near side of the cable.
            await shared.Looked.WaitAsync(Looks, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var query = new ListQuery(scope.Query.LabelSelector, scope.Query.FieldSelector);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await new Reflector(client, kind, scope.Query.Namespace, query, new ScopeFollower(cache, scope, kind), time, random, log, from, $"as {reader}").RunAsync(stop).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whatever it is, the copy has to be followed.
            catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                log.FollowingFailed(scope.Query.Resource, fault);
                from = null;
                await Task.Delay(Anew, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
#pragma warning disable CA1031 // It ends, and is waited for.
            catch (Exception)
#pragma warning restore CA1031
            {
                return;
            }
        }
    }
}
