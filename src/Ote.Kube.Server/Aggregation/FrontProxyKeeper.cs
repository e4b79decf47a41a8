using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.Kube.Server.Aggregation;

/// <summary>
/// Whom to believe at present: what the API server in front publishes, followed as it changes. One that can no longer be read is what it was; one that says nothing is nobody. Thread-safe.
/// </summary>
internal sealed class FrontProxyKeeper : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ILogger _log;
    private readonly Informer _map;
    private readonly Task _running;
    private FrontProxyTrust? _trust;
    private string? _fault = "it has not been read yet";

    /// <summary>Begins to follow it.</summary>
    /// <param name="front">The API server in front.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where it logs.</param>
    public FrontProxyKeeper(KubeClient front, TimeProvider time, Func<double> random, ILogger log)
    {
        _log = log;
        _map = new Informer(front, Kinds.ConfigMaps, FrontProxyTrust.Namespace, new ListQuery(FieldSelector: $"metadata.name={FrontProxyTrust.Name}"), time, random, log);
        _map.Changed += (_, now) => Take(now);
        _ = _map.Synced.ContinueWith(
            _ =>
            {
                if (_map.Count == 0)
                {
                    Take(null);
                }
            },
            _stop.Token, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        _running = _map.RunAsync(_stop.Token);
    }

    /// <summary>Whom to believe; null: nobody, for a reason that <see cref="Fault"/> tells.</summary>
    public FrontProxyTrust? Trust => Volatile.Read(ref _trust);

    /// <summary>Why nobody is believed, for people.</summary>
    public string Fault => $"ConfigMap {FrontProxyTrust.Namespace}/{FrontProxyTrust.Name} does not say whom to believe: {Volatile.Read(ref _fault)}";

    /// <summary>Raised after it was read anew, from one task: return quickly.</summary>
    public event Action? Changed;

    /// <summary>Completes when it was read for the first time.</summary>
    public Task Read => _map.Synced;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private void Take(JsonObject? map)
    {
        var trust = FrontProxyTrust.Parse(map, out var fault);
        Volatile.Write(ref _fault, fault);
        Volatile.Write(ref _trust, trust);
        if (fault is not null)
        {
            _log.NobodyInFront(fault);
        }

        Changed?.Invoke();
    }
}
