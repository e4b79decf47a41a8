using System.Threading.Channels;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Split;

/// <summary>
/// What changes of a kind in all shards, as it comes: each shard's changes in their order, and with each how far all have come. A shard that nobody answers for is asked again, from where it was, until its holder answers, who says whether it can go on from there. One reader.
/// </summary>
/// <param name="table">The shards.</param>
/// <param name="resource">The kind.</param>
/// <param name="from">After which revisions.</param>
internal sealed class SplitWatch(ShardTable table, string resource, ShardVersions from)
{
    private const int MostWaiting = 256; // changes that the reader has not taken; shards wait then
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);
    private readonly Channel<(int Shard, ShardEvent Event)> _told = Channel.CreateBounded<(int, ShardEvent)>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    /// <summary>How far what was taken goes.</summary>
    public ShardVersions Versions { get; private set; } = from;

    /// <summary>Whether there is something to take at once.</summary>
    public bool IsEmpty => _told.Reader.Count == 0;

    /// <summary>Runs until stopped; reads each shard in a task of its own.</summary>
    /// <param name="stop">Ends it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var readers = Enumerable.Range(0, table.Count).Select(shard => ReadAsync(shard, Versions[shard], ends.Token)).ToArray();
        try
        {
            await (await Task.WhenAny(readers).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            _told.Writer.TryComplete(fault); // after what was told before it
        }
        finally
        {
            await ends.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(readers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _told.Writer.TryComplete();
        }
    }

    /// <summary>Takes the next change; null: it was only told how far a shard has come.</summary>
    /// <exception cref="RevisionExpiredException">The holder of a shard does not know what changed since; whoever watches lists anew.</exception>
    public async ValueTask<Change?> TakeAsync(CancellationToken cancellation)
    {
        (int Shard, ShardEvent Event) told;
        try
        {
            told = await _told.Reader.ReadAsync(cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException ended) when (ended.InnerException is RevisionExpiredException expired)
        {
            throw new RevisionExpiredException(expired.Asked, expired.Oldest);
        }

        Versions = Versions.With(told.Shard, told.Event.Revision);
        return told.Event.Change is { } change ? change with { Version = Versions.ToString() } : null;
    }

    private async Task ReadAsync(int shard, long after, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await foreach (var told in table.Of(shard).WatchAsync(resource, after, stop).ConfigureAwait(false))
                {
                    await _told.Writer.WriteAsync((shard, told), stop).ConfigureAwait(false);
                    after = told.Revision;
                }
            }
            catch (ShardAwayException)
            {
                await Task.Delay(Again, table.Time, stop).ConfigureAwait(false);
            }
        }
    }
}
