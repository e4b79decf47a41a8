namespace Ote.Kube.Server.Store;

/// <summary>Where one object lives.</summary>
/// <param name="Resource"><c>group/plural</c>, all versions of a kind share it; the core group is empty: <c>/pods</c>.</param>
/// <param name="Namespace">Empty for cluster-scoped kinds.</param>
/// <param name="Name">Name of the object.</param>
public readonly record struct StoreKey(string Resource, string Namespace, string Name)
{
    /// <summary>Reads what <see cref="ToString"/> wrote: no part but the resource holds a slash, and that holds one.</summary>
    public static StoreKey Parse(string text) => text.Split('/') is var parts && parts.Length == 4
        ? new StoreKey($"{parts[0]}/{parts[1]}", parts[2], parts[3])
        : new StoreKey($"{parts[0]}/{parts[1]}", "", parts[2]);

    /// <summary>Whether a key of the same resource comes first in the order of pages, which is that of the bytes of UTF-8, as SQLite's.</summary>
    public bool IsBefore(StoreKey other) => Compare(Namespace, other.Namespace) is var order && (order == 0 ? Compare(Name, other.Name) : order) < 0;

    private static int Compare(string one, string other)
    {
        var same = one.AsSpan().CommonPrefixLength(other);
        return same == one.Length || same == other.Length ? one.Length - other.Length : Rank(one[same]) - Rank(other[same]);

        // UTF-16 has what lies beyond its 65,536 characters before the last of these.
        static int Rank(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
    }

    /// <inheritdoc/>
    public override string ToString() => Namespace.Length == 0 ? $"{Resource}/{Name}" : $"{Resource}/{Namespace}/{Name}";
}

/// <summary>A current object as it lies in the store: complete JSON, <c>metadata.resourceVersion</c> included.</summary>
/// <param name="Key">Where it lies.</param>
/// <param name="Revision">Of its last change.</param>
/// <param name="Json">The object, UTF-8.</param>
public sealed record StoredObject(StoreKey Key, long Revision, byte[] Json);

/// <summary>What a change did to its key.</summary>
public enum ChangeKind
{
    /// <summary>It is new.</summary>
    Added = 0,

    /// <summary>It is another.</summary>
    Modified = 1,

    /// <summary>It is gone.</summary>
    Deleted = 2,
}

/// <summary>
/// One row of the log. <see cref="Previous"/> is what the key held before: it is known for every change that is still
/// watchable, because a row is compacted only together with the row that replaced it.
/// </summary>
/// <param name="Revision">Of the change.</param>
/// <param name="Kind">What it did.</param>
/// <param name="Key">To what.</param>
/// <param name="Json">The object since then; its last state when it is gone.</param>
/// <param name="Previous">The object before; null when there was none.</param>
public sealed record Change(long Revision, ChangeKind Kind, StoreKey Key, byte[] Json, byte[]? Previous)
{
    /// <summary>
    /// It stands for all that the source has after this revision and up to <see cref="Revision"/>, of the kind of <see cref="Key"/>, and is itself nothing: a watcher reads that there. Null: it is what it says.
    /// </summary>
    internal long? ReadAfter { get; init; }

    /// <summary>The version that a watch over several sources tells with it; null: that is <see cref="Revision"/>, which its object has.</summary>
    internal string? Version { get; init; }

    /// <summary>As the last watcher to encode it sends it; most of a kind's watchers send the same. Set from any thread: each makes what it does not find.</summary>
    internal Watching.WatchLine? Line { get; set; }
}
