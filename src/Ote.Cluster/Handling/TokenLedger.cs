using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Cluster.Handling;

/// <summary>
/// Counts the uses of join tokens. Those who come at once with one token are decided on one after the other and counted in one write, which
/// is durable before any of them hears of it. Thread-safe.
/// </summary>
/// <param name="api">Where the tokens are.</param>
/// <param name="time">The clock.</param>
internal sealed class TokenLedger(KubeClient api, TimeProvider time)
{
    private const int Attempts = 5;
    private const int MostRemembered = 20_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<Entry>> _lines = new(StringComparer.Ordinal);

    // Whoever asks again while its first request is still under way must not be counted twice.
    private readonly HashSet<(string Id, PeerIdentity Who)> _counted = [];
    private readonly Queue<(string Id, PeerIdentity Who)> _oldest = new();

    /// <summary>Decides on one request, and counts it when the verdict says so. The verdict is durable when this completes.</summary>
    /// <param name="id">The token's id.</param>
    /// <param name="who">Who asks: one uid that asks under two names is two uses.</param>
    /// <param name="decide">Called with the token as it is then, null when there is none, and whether the one that asks is known to be counted; perhaps several times. Pure.</param>
    /// <param name="ct">Leaves the line; once it is one's turn, it is not taken back.</param>
    /// <exception cref="KubeStatusException">The token could not be read or written: nothing is decided, and whoever asks again may be counted already.</exception>
    public Task<JoinVerdict> DecideAsync(string id, PeerIdentity who, Func<JoinToken?, bool, JoinVerdict> decide, CancellationToken ct)
    {
        var entry = new Entry(who, decide, ct);
        lock (_gate)
        {
            if (_lines.TryGetValue(id, out var line))
            {
                line.Add(entry);
                return entry.Decided.Task;
            }

            _lines[id] = [entry];
        }

        _ = RunAsync(id);
        return entry.Decided.Task;
    }

    /// <summary>Works a token's line off, batch by batch, until nobody is left.</summary>
    private async Task RunAsync(string id)
    {
        while (Take(id) is { } batch)
        {
            using var late = new CancellationTokenSource(Patience, time);
            try
            {
                await DecideAsync(id, batch, late.Token).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whatever kept the batch from being decided, each of those who wait must hear of it.
            catch (Exception failed)
#pragma warning restore CA1031
            {
                foreach (var entry in batch)
                {
                    entry.Decided.TrySetException(failed);
                }
            }
        }
    }

    private List<Entry>? Take(string id)
    {
        lock (_gate)
        {
            var batch = _lines[id];
            if (batch.Count == 0)
            {
                _lines.Remove(id);
                return null;
            }

            _lines[id] = [];
            batch.RemoveAll(static gone => gone.HasLeft());
            return batch;
        }
    }

    private async Task DecideAsync(string id, List<Entry> batch, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (batch.Count == 0)
            {
                return;
            }

            var obj = await api.GetAsync(Kinds.JoinTokens, null, id, ct).ConfigureAwait(false);
            var token = obj is null ? (JoinToken?)null : new JoinToken(obj.Copy());
            var verdicts = new JoinVerdict[batch.Count];
            var counted = new HashSet<PeerIdentity>();
            for (var i = 0; i < batch.Count; i++)
            {
                var who = batch[i].Who;
                verdicts[i] = batch[i].Decide(token, counted.Contains(who) || WasCounted(id, who));
                if (verdicts[i].UsesToken && token is { } used)
                {
                    used.Count(who);
                    counted.Add(who);
                }
            }

            try
            {
                if (counted.Count > 0)
                {
                    await api.ReplaceStatusAsync(Kinds.JoinTokens, token!.Value.Object, ct).ConfigureAwait(false);
                }
            }
            catch (KubeStatusException conflict) when (conflict.IsConflict && attempt < Attempts)
            {
                continue; // Another writer was first: read what it wrote and decide again.
            }

            Remember(id, counted);
            for (var i = 0; i < batch.Count; i++)
            {
                batch[i].Decided.TrySetResult(verdicts[i]);
            }

            return;
        }
    }

    private bool WasCounted(string id, PeerIdentity who)
    {
        lock (_gate)
        {
            return _counted.Contains((id, who));
        }
    }

    private void Remember(string id, IEnumerable<PeerIdentity> counted)
    {
        lock (_gate)
        {
            foreach (var who in counted)
            {
                if (_counted.Add((id, who)))
                {
                    _oldest.Enqueue((id, who));
                }

                if (_oldest.Count > MostRemembered)
                {
                    _counted.Remove(_oldest.Dequeue());
                }
            }
        }
    }

    private sealed record Entry(PeerIdentity Who, Func<JoinToken?, bool, JoinVerdict> Decide, CancellationToken Left)
    {
        public TaskCompletionSource<JoinVerdict> Decided { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool HasLeft() => Left.IsCancellationRequested && Decided.TrySetCanceled(Left);
    }
}
