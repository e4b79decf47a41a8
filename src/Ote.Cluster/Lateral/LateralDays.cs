using Google.Protobuf;
using Ote.Cluster.Budgets;
using Ote.Cluster.Journal;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>
/// What the lateral links with each peer have carried today, as it is on disk: a day's budget holds over restarts. One row for each peer that is
/// allowed, so at most <see cref="LateralSet.MostPeers"/>. One caller at a time writes; anyone may read.
/// </summary>
internal sealed class LateralDays
{
    public const string Book = "lateral-days";
    private readonly IJournal _journal;
    private volatile IReadOnlyDictionary<string, DayCount> _kept;

    private LateralDays(IJournal journal, IReadOnlyDictionary<string, DayCount> kept) => (_journal, _kept) = (journal, kept);

    /// <summary>Reads what the last run has kept.</summary>
    public static LateralDays Load(IJournal journal) =>
        new(journal, journal.Load(Book).ToDictionary(r => r.Key, r => DayCount.From(LinkDay.Parser.ParseFrom(r.Value)), StringComparer.Ordinal));

    /// <summary>The count to go on from; nothing for a peer of which none is kept.</summary>
    public DayCount Of(string peer) => _kept.GetValueOrDefault(peer);

    /// <summary>Keeps counts and forgets all peers but those allowed, in one write; completes when it is on disk, at once when nothing is new.</summary>
    /// <param name="counts">Counts of peers to keep; those left out stay as they were kept.</param>
    /// <param name="allowed">Peers that may have a link.</param>
    /// <exception cref="JournalException">They are not on disk.</exception>
    public async Task KeepAsync(IReadOnlyList<(string Peer, DayCount Today)> counts, LateralSet allowed)
    {
        var kept = _kept.Where(k => allowed.Find(k.Key) is not null).ToDictionary(StringComparer.Ordinal);
        var changes = _kept.Keys.Except(kept.Keys).Select(gone => JournalChange.Remove(Book, gone)).ToList();
        foreach (var (peer, today) in counts.Where(c => allowed.Find(c.Peer) is not null && kept.GetValueOrDefault(c.Peer) != c.Today))
        {
            kept[peer] = today;
            changes.Add(JournalChange.Put(Book, peer, today.ToWire().ToByteArray()));
        }

        if (changes.Count > 0)
        {
            await _journal.WriteAsync([.. changes]).ConfigureAwait(false);
            _kept = kept;
        }
    }
}
