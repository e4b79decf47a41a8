using Ote.Cluster.Journal;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A journal on a disk that can be full.</summary>
internal sealed class FailingJournal(IJournal disk) : IJournal
{
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool Fails { get; set; }

    public string? Fault { get; private set; }

    /// <summary>Writes that failed.</summary>
    public int Failures { get; private set; }

    /// <summary>Completes when the first write has failed.</summary>
    public Task Failed => _failed.Task;

    public IReadOnlyList<JournalRow> Load(string book) => disk.Load(book);

    public Task WriteAsync(params JournalChange[] changes)
    {
        if (!Fails)
        {
            Fault = null;
            return disk.WriteAsync(changes);
        }

        Failures++;
        Fault = "no space left";
        _failed.TrySetResult();
        return Task.FromException(new JournalException("no space left"));
    }

    public ValueTask DisposeAsync() => disk.DisposeAsync();
}
