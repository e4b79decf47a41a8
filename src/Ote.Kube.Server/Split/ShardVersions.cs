using System.Collections.Immutable;
using System.Globalization;

namespace Ote.Kube.Server.Split;

/// <summary>
/// How far each shard of a split source is known: a revision for each, 0 where nobody answered for it. As text it is a resourceVersion, opaque to clients; of a single shard it is that one's revision as it is. Immutable.
/// </summary>
public sealed class ShardVersions
{
    private const char Mark = 's';
    private readonly ImmutableArray<long> _revisions;

    private ShardVersions(ImmutableArray<long> revisions) => _revisions = revisions;

    /// <summary>How many shards there are.</summary>
    public int Count => _revisions.Length;

    /// <summary>The revision of a shard; 0: unknown.</summary>
    public long this[int shard] => _revisions[shard];

    /// <summary>Of none is anything known.</summary>
    public static ShardVersions Unknown(int count) => new([.. new long[count]]);

    /// <summary>The same but for one shard.</summary>
    public ShardVersions With(int shard, long revision) => new(_revisions.SetItem(shard, revision));

    /// <summary>Reads the text.</summary>
    /// <returns>Null when it is none, or one of another number of shards.</returns>
    public static ShardVersions? Parse(string text, int count)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (count == 1)
        {
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var plain) ? new ShardVersions([plain]) : null;
        }

        if (text.Length == 0 || text[0] != Mark || text[1..].Split('.') is not { } parts || parts.Length != count)
        {
            return null;
        }

        var revisions = new long[count];
        for (var i = 0; i < count; i++)
        {
            if (!long.TryParse(parts[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out revisions[i]) || revisions[i] < 0)
            {
                return null;
            }
        }

        return new ShardVersions([.. revisions]);
    }

    /// <inheritdoc/>
    public override string ToString() => Count == 1
        ? _revisions[0].ToString(CultureInfo.InvariantCulture)
        : Mark + string.Join('.', _revisions.Select(static r => r.ToString("x", CultureInfo.InvariantCulture)));
}
