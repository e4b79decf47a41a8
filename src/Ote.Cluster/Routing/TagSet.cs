using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Ote.Cluster.Routing;

/// <summary>
/// The tags of one cluster: immutable, sorted by key, at most one tag per key, so that <c>region!=bj</c> has one meaning
/// and setting <c>region=sh</c> replaces <c>region=bj</c>. Enumerates the tags' text forms.
/// </summary>
public sealed class TagSet : IReadOnlyList<string>, IEquatable<TagSet>
{
    /// <summary>Most tags one cluster may carry.</summary>
    public const int MaxCount = 64;

    /// <summary>No tags.</summary>
    public static readonly TagSet Empty = new([], []);

    private readonly Tag[] tags;
    private readonly string[] texts;

    private TagSet(Tag[] tags, string[] texts)
    {
        this.tags = tags;
        this.texts = texts;
    }

    /// <inheritdoc/>
    public int Count => tags.Length;

    /// <inheritdoc/>
    public string this[int index] => texts[index];

    internal ReadOnlySpan<Tag> Tags => tags;

    internal ReadOnlySpan<string> Texts => texts;

    /// <summary>Validates and sorts; repeats of the same tag collapse. Otherwise says what is wrong and what is allowed.</summary>
    public static bool TryCreate(IEnumerable<string> texts, out TagSet set, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(texts);
        set = Empty;
        SortedDictionary<string, Tag>? byKey = null;
        foreach (string text in texts)
        {
            if (!Tag.TryParse(text, out Tag tag, out error)) return false;
            byKey ??= new SortedDictionary<string, Tag>(StringComparer.Ordinal);
            if (!byKey.TryAdd(tag.Key, tag) && byKey[tag.Key] != tag)
            {
                error = $"tags '{byKey[tag.Key]}' and '{tag}' share the key '{tag.Key}'; a cluster has one tag per key";
                return false;
            }

            if (byKey.Count > MaxCount)
            {
                error = $"more than {MaxCount} tags; a cluster has at most {MaxCount}";
                return false;
            }
        }

        error = null;
        if (byKey is not null)
        {
            set = new TagSet([.. byKey.Values], [.. byKey.Values.Select(static t => t.ToString())]);
        }

        return true;
    }

    /// <summary>Like <see cref="TryCreate"/> for texts known to be valid.</summary>
    /// <exception cref="ArgumentException">A tag is invalid; the message says which and why.</exception>
    public static TagSet Of(params IEnumerable<string> texts) =>
        TryCreate(texts, out TagSet set, out string? error) ? set : throw new ArgumentException(error, nameof(texts));

    /// <summary>True when a tag with this key is present; <paramref name="value"/> is null for a bare key.</summary>
    public bool TryGet(string key, out string? value)
    {
        int low = 0, high = tags.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = string.CompareOrdinal(tags[middle].Key, key);
            if (order == 0)
            {
                value = tags[middle].Value;
                return true;
            }

            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        value = null;
        return false;
    }

    /// <inheritdoc/>
    public bool Equals(TagSet? other) => other is not null && (ReferenceEquals(this, other) || texts.AsSpan().SequenceEqual(other.texts));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TagSet);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (string text in texts) hash.Add(text);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<string> GetEnumerator() => ((IEnumerable<string>)texts).GetEnumerator();

    /// <inheritdoc/>
    public override string ToString() => string.Join(',', texts);

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
