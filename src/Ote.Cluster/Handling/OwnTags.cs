using Google.Protobuf;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Protocol.Records;

namespace Ote.Cluster.Handling;

/// <summary>
/// The own cluster's tags. Those set at run time outlive a restart; start options that differ from the last start's are a new wish
/// and win.
/// </summary>
internal sealed class OwnTags
{
    private const string Book = "self";
    private const string Key = "tags";
    private readonly IJournal _journal;
    private readonly IReadOnlyList<string> _start;

    private OwnTags(IJournal journal, IReadOnlyList<string> start, TagSet current) => (_journal, _start, Current) = (journal, start, current);

    public TagSet Current { get; private set; }

    /// <summary>Reads the tags in force.</summary>
    /// <exception cref="ClusterControllerException">A start tag is no tag.</exception>
    public static OwnTags Load(IJournal journal, IReadOnlyList<string> start)
    {
        if (!TagSet.TryCreate(start, out var tags, out var error))
        {
            throw new ClusterControllerException($"--tag: {error}");
        }

        var row = journal.Load(Book).FirstOrDefault(r => r.Key == Key);
        if (row.Value is not null)
        {
            var kept = SelfRecord.Parser.ParseFrom(row.Value);
            if (kept.StartTags.SequenceEqual(start) && TagSet.TryCreate(kept.Tags, out var set, out _))
            {
                tags = set;
            }
        }

        return new OwnTags(journal, start, tags);
    }

    /// <summary>Sets the tags; completes when they are on disk.</summary>
    public async Task SetAsync(TagSet tags, ulong generation)
    {
        var record = new SelfRecord { Tags = { tags }, TagsGeneration = generation, StartTags = { _start } };
        await _journal.WriteAsync(JournalChange.Put(Book, Key, record.ToByteArray())).ConfigureAwait(false);
        Current = tags;
    }
}
