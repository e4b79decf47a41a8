using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// The newest list of who is shut out that this controller has seen: on its disk before it counts, so that a restart while cut off lets
/// nobody back in. The root makes new ones, any other takes them from above. Thread-safe.
/// </summary>
internal sealed class RevocationKeeper
{
    public const string Book = "revocations";
    public const string Key = "newest";

    private readonly IJournal _journal;
    private readonly IdentitySource _identity;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private volatile Revocations _current = Revocations.None;

    public RevocationKeeper(IJournal journal, IdentitySource identity, ILogger log) => (_journal, _identity, _log) = (journal, identity, log);

    /// <summary>Raised after the list changed: links of those on it are to end, all others are to be told.</summary>
    public event Action<Revocations>? Changed;

    /// <summary>The list in force.</summary>
    public Revocations Current => _current;

    /// <summary>Takes up what the last run knew. Call once, first.</summary>
    public void Restore()
    {
        foreach (var row in _journal.Load(Book))
        {
            _current = Revocations.Read(RevocationList.Parser.ParseFrom(row.Value), _identity.Trust) ?? _current;
        }
    }

    /// <summary>Why a cluster must not be attached to, above or below; null when it may.</summary>
    public string? Objection(PeerIdentity peer) => _current.Contains(peer.Uid) ? Revocations.Text(peer) : null;

    /// <summary>Takes a list from above; one that is not newer, or not the root's word, changes nothing. Completes when it is on disk.</summary>
    public async Task ReceiveAsync(RevocationList list)
    {
        if (Revocations.Read(list, _identity.Trust) is not { } next)
        {
            _log.ParentMessageRefused("list of revocations", "it is not signed by the tree's CA");
            return;
        }

        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            if (next.Version > _current.Version)
            {
                await PutAsync(next).ConfigureAwait(false);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>At the root: makes the next list. Completes when it is on disk; returns whether there is a new one.</summary>
    /// <param name="change">The new entries from the ones so far; null for no change. Called under a lock.</param>
    /// <param name="authorities">Sign it.</param>
    /// <param name="now">The time.</param>
    public async Task<bool> ChangeAsync(Func<Revocations, IEnumerable<RevokedCluster>?> change, RootAuthorities authorities, DateTimeOffset now)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            if (change(_current) is not { } entries)
            {
                return false;
            }

            await PutAsync(_current.Next(entries, [.. authorities.All], now)).ConfigureAwait(false);
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task PutAsync(Revocations next)
    {
        await _journal.WriteAsync(JournalChange.Put(Book, Key, next.Signed!.ToByteArray())).ConfigureAwait(false);
        _current = next;
        _log.RevocationsChanged(next.Count, next.Version);
        Changed?.Invoke(next);
    }
}
