using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Kube.Server.Split;

/// <summary>The way to other members of a split source. Thread-safe.</summary>
public interface IShardWay
{
    /// <summary>How many shards there are, at least 1; the same at all members.</summary>
    int Count { get; }

    /// <summary>A client, whose base address is the member that holds a shard; not disposed of by who gets it.</summary>
    /// <exception cref="ShardAwayException">It is not known who holds it.</exception>
    HttpClient To(int shard);

    /// <summary>Whether whoever shows a certificate is a member.</summary>
    ValueTask<bool> IsMemberAsync(X509Certificate2 certificate, CancellationToken cancellation);
}

/// <summary>
/// A source whose objects are divided into a fixed number of shards, each held by one of several members, this one among them. What is held here is read here, and the rest is asked of who holds it. Thread-safe.
/// </summary>
public sealed class ShardTable
{
    private readonly IShardWay _way;
    private readonly TimeProvider _time;
    private readonly HashSet<string> _resources;
    private readonly Func<Store.StoredObject, Store.ObjectOrigin?> _originOf;
    private readonly RemoteShard[] _elsewhere;
    private readonly ShardKinds _kinds;
    private ImmutableDictionary<int, LocalShard> _held = ImmutableDictionary<int, LocalShard>.Empty;

    /// <summary>Makes a table; nothing is held here yet.</summary>
    /// <param name="resources">The kinds, <c>group/plural</c>.</param>
    /// <param name="originOf">Whose object one is; called from any thread.</param>
    /// <param name="way">The way to the other members.</param>
    /// <param name="time">The clock.</param>
    public ShardTable(IReadOnlyCollection<string> resources, Func<Store.StoredObject, Store.ObjectOrigin?> originOf, IShardWay way, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(way);
        (_way, _time, _originOf, _resources) = (way, time, originOf, resources.ToHashSet(StringComparer.Ordinal));
        _kinds = new ShardKinds(this, time);
        _elsewhere = [.. Enumerable.Range(0, way.Count).Select(shard => new RemoteShard(shard, way, time))];
    }

    /// <summary>How many shards there are.</summary>
    public int Count => _elsewhere.Length;

    /// <summary>The kinds that there always are.</summary>
    public IReadOnlyCollection<string> Resources => _resources;

    /// <summary>Fields that objects of a kind (<c>group/plural</c>) have at their cluster and not here, as <see cref="Store.IObjectSource.NotShown"/> tells them; called from any thread.</summary>
    public Func<string, IReadOnlyList<string>> NotShown { get; init; } = static _ => [];

    /// <summary>The kinds that there are besides, as far as it is known here.</summary>
    internal IReadOnlyCollection<Store.MirroredKind> Kinds => _kinds.Known;

    /// <summary>Those that are held here, in order.</summary>
    public IReadOnlyList<int> Held => [.. _held.Keys.Order()];

    internal TimeProvider Time => _time;

    internal IShardWay Way => _way;

    /// <summary>Answers for a shard from now on.</summary>
    /// <param name="shard">Its number.</param>
    /// <param name="source">Its objects; it must last until <see cref="LetGoAsync"/> has completed.</param>
    public void Hold(int shard, Store.IObjectSource source) => ImmutableInterlocked.TryAdd(ref _held, shard, new LocalShard(shard, source, _time));

    /// <summary>Answers for a shard no more; completes when nothing of it is read any more.</summary>
    public async Task LetGoAsync(int shard)
    {
        if (ImmutableInterlocked.TryRemove(ref _held, shard, out var held))
        {
            await held.DisposeAsync().ConfigureAwait(false);
        }
    }

    internal Store.ObjectOrigin? OriginOf(Store.StoredObject stored) => _originOf(stored);

    internal bool Has(string resource) => _resources.Contains(resource) || _kinds.Has(resource);

    /// <summary>Asks each shard which kinds it has, unless that was done a moment ago.</summary>
    internal Task LearnKindsAsync(CancellationToken cancellation) => _kinds.LearnAsync(cancellation);

    internal LocalShard? HeldAs(int shard) => _held.GetValueOrDefault(shard);

    internal IShard Of(int shard) => HeldAs(shard) as IShard ?? _elsewhere[shard];
}
