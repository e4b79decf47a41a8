using System.Collections.Concurrent;
using Google.Protobuf;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Records;

namespace Ote.Cluster.Issuing;

/// <summary>
/// Whom a cluster has issued provisional certificates to and how often each token was used: on its disk before a certificate leaves. One writer
/// at a time; reading is thread-safe.
/// </summary>
internal sealed class IssuingBook(IJournal journal)
{
    /// <summary>Clusters that may wait for the root at one time.</summary>
    public const int Most = 10_000;

    private const string Sites = "issued";
    private const string Tokens = "issued-tokens";
    private readonly ConcurrentDictionary<string, IssuedRecord> _sites = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ulong> _used = new(StringComparer.Ordinal);

    /// <summary>How many wait for the root's word.</summary>
    public int Waiting => _sites.Values.Count(s => !s.Confirmed);

    /// <summary>How many there is a record of.</summary>
    public int Count => _sites.Count;

    /// <summary>Takes up what the last run knew. Call once, first.</summary>
    public void Restore()
    {
        foreach (var row in journal.Load(Sites))
        {
            _sites[row.Key] = IssuedRecord.Parser.ParseFrom(row.Value);
        }

        foreach (var row in journal.Load(Tokens))
        {
            _used[row.Key] = IssuedTokenRecord.Parser.ParseFrom(row.Value).Used;
        }
    }

    /// <summary>The record of a name; null when nothing was issued for it.</summary>
    public IssuedRecord? Find(string name) => _sites.GetValueOrDefault(name);

    /// <summary>Whether a certificate was issued to this very cluster.</summary>
    public bool Holds(PeerIdentity site) => Find(site.Name)?.Uid == site.Uid;

    /// <summary>How often a token was used here.</summary>
    public ulong Used(string token) => _used.GetValueOrDefault(token);

    /// <summary>Writes a certificate down, and the use of its token when it is one more.</summary>
    public async Task IssuedAsync(PeerIdentity site, string token, DateTimeOffset until, bool isUse)
    {
        var record = new IssuedRecord { Name = site.Name, Uid = site.Uid, Token = token, UntilUnixSeconds = until.ToUnixTimeSeconds() };
        var used = Used(token) + (isUse ? 1UL : 0);
        await journal.WriteAsync(
            JournalChange.Put(Sites, site.Name, record.ToByteArray()), JournalChange.Put(Tokens, token, new IssuedTokenRecord { Used = used }.ToByteArray())).ConfigureAwait(false);
        (_sites[site.Name], _used[token]) = (record, used);
    }

    /// <summary>The root has admitted it; it is known here as issued until it has come with its new certificate.</summary>
    public async Task ConfirmedAsync(PeerIdentity site)
    {
        if (Find(site.Name) is { Confirmed: false } record && record.Uid == site.Uid)
        {
            var next = record.Clone();
            next.Confirmed = true;
            await journal.WriteAsync(JournalChange.Put(Sites, site.Name, next.ToByteArray())).ConfigureAwait(false);
            _sites[site.Name] = next;
        }
    }

    /// <summary>Strikes one out; whether there was one.</summary>
    public async Task<bool> ForgetAsync(PeerIdentity site)
    {
        if (!Holds(site))
        {
            return false;
        }

        _sites.TryRemove(site.Name, out _);
        await journal.WriteAsync(JournalChange.Remove(Sites, site.Name)).ConfigureAwait(false);
        return true;
    }

    /// <summary>Strikes out those that are over, and the uses of tokens that the root does not give any more.</summary>
    /// <param name="isOver">Whether the record of a cluster is of no more use.</param>
    /// <param name="isToken">Whether a token may still be used.</param>
    public async Task PruneAsync(Func<IssuedRecord, bool> isOver, Func<string, bool> isToken)
    {
        var sites = _sites.Values.Where(isOver).Select(s => s.Name).ToArray();
        var tokens = _used.Keys.Where(t => !isToken(t) && _sites.Values.All(s => s.Token != t)).ToArray();
        if (sites.Length + tokens.Length == 0)
        {
            return;
        }

        await journal.WriteAsync([.. sites.Select(s => JournalChange.Remove(Sites, s)), .. tokens.Select(t => JournalChange.Remove(Tokens, t))]).ConfigureAwait(false);
        foreach (var name in sites)
        {
            _sites.TryRemove(name, out _);
        }

        foreach (var token in tokens)
        {
            _used.TryRemove(token, out _);
        }
    }
}
