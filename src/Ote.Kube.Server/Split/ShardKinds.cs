using System.Collections.Immutable;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Split;

/// <summary>The kinds that the shards of a table have because clusters report them. A shard that nobody answers for has those that it had. Thread-safe.</summary>
/// <param name="table">The shards.</param>
/// <param name="time">The clock.</param>
internal sealed class ShardKinds(ShardTable table, TimeProvider time)
{
    /// <summary>For so long what was learned is taken for what is.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _learning = new(1);
    private ImmutableDictionary<int, IReadOnlyCollection<MirroredKind>> _of = ImmutableDictionary<int, IReadOnlyCollection<MirroredKind>>.Empty;
    private ImmutableDictionary<string, MirroredKind> _known = ImmutableDictionary<string, MirroredKind>.Empty;
    private long? _learned;

    /// <summary>Those that are known.</summary>
    public IReadOnlyCollection<MirroredKind> Known => [.. Volatile.Read(ref _known).Values];

    /// <summary>Whether one of them is known.</summary>
    public bool Has(string resource) => Volatile.Read(ref _known).ContainsKey(resource);

    /// <summary>Asks each shard.</summary>
    public async Task LearnAsync(CancellationToken cancellation)
    {
        await _learning.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_learned is { } then && time.GetElapsedTime(then) < Fresh)
            {
                return;
            }

            var told = await Task.WhenAll(Enumerable.Range(0, table.Count).Select(async shard =>
            {
                try
                {
                    return (Shard: shard, (await table.Of(shard).LookAsync(cancellation).ConfigureAwait(false)).Kinds);
                }
                catch (ShardAwayException)
                {
                    return (Shard: shard, Kinds: (IReadOnlyCollection<MirroredKind>?)null);
                }
            })).ConfigureAwait(false);
            _of = _of.SetItems(told.Where(t => t.Kinds is not null).Select(t => KeyValuePair.Create(t.Shard, t.Kinds!)));
            Volatile.Write(ref _known, MirroredKind.Choose(_of.Values.SelectMany(k => k)).ToImmutableDictionary(k => k.Resource, StringComparer.Ordinal));
            _learned = time.GetTimestamp();
        }
        finally
        {
            _learning.Release();
        }
    }
}
