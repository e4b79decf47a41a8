using Ote.Cluster.Journal;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A journal on a disk that can be full.</summary>
internal sealed class FailingJournal(IJournal disk) : IJournal
{
    public bool Fails { get; set; }

    public IReadOnlyList<JournalRow> Load(string book) => disk.Load(book);

    public Task WriteAsync(params JournalChange[] changes) => Fails ? Task.FromException(new JournalException("no space left")) : disk.WriteAsync(changes);

    public ValueTask DisposeAsync() => disk.DisposeAsync();
}
