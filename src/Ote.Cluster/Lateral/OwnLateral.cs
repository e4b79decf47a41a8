using Google.Protobuf;
using Ote.Cluster.Journal;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>Whom this cluster may have lateral links with: outlives a restart, also one while cut off. One caller at a time.</summary>
internal sealed class OwnLateral
{
    private const string Book = "self";
    private const string Key = "lateral";
    private readonly IJournal _journal;

    private OwnLateral(IJournal journal, LateralSet current) => (_journal, Current) = (journal, current);

    /// <summary>Those in force.</summary>
    public LateralSet Current { get; private set; }

    /// <summary>Reads what the last run has kept; what cannot be read any more is nobody.</summary>
    public static OwnLateral Load(IJournal journal)
    {
        var kept = journal.Load(Book).FirstOrDefault(r => r.Key == Key).Value;
        return new OwnLateral(journal, kept is not null && LateralSet.TryRead(LateralRecord.Parser.ParseFrom(kept).Wish ?? new SetLateral(), out var set, out _) ? set : LateralSet.None);
    }

    /// <summary>Others from now on; completes when it is on disk.</summary>
    public async Task SetAsync(SetLateral wish, LateralSet set)
    {
        await _journal.WriteAsync(JournalChange.Put(Book, Key, new LateralRecord { Wish = wish }.ToByteArray())).ConfigureAwait(false);
        Current = set;
    }
}
