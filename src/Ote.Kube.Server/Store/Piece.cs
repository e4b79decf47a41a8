namespace Ote.Kube.Server.Store;

/// <summary>As many rows as are read at once: no more than were asked for, and none beyond the one with which they became <see cref="MostBytes"/>.</summary>
/// <param name="Rows">The rows, in order.</param>
/// <param name="More">Whether there may be more behind them.</param>
public sealed record Piece<T>(List<T> Rows, bool More)
{
    /// <summary>1 MiB: a reader holds this much and one object at a time, however large the objects are.</summary>
    public const int MostBytes = 1024 * 1024;
}

/// <summary>What part of a kind's objects a piece holds, as they stood at one revision.</summary>
/// <param name="Resource"><c>group/plural</c>.</param>
/// <param name="Namespace">Null for all.</param>
/// <param name="Revision">As of when.</param>
/// <param name="AfterNamespace">Begin beyond this key; empty to begin at the first.</param>
/// <param name="AfterName">See <paramref name="AfterNamespace"/>.</param>
/// <param name="Limit">Most rows.</param>
public sealed record PageQuery(string Resource, string? Namespace, long Revision, string AfterNamespace, string AfterName, int Limit)
{
    /// <summary>
    /// What the client asks for besides, for who has an index for it: labels (<c>l KEY=VALUE</c>) and fields (<c>f PATH=VALUE</c>) that must be so. Whoever has none gives
    /// more; the rest is left out later.
    /// </summary>
    public IReadOnlyList<string> Terms { get; init; } = [];

    /// <summary>The moment as of which objects are wanted, in place of a revision; null: as of <see cref="Revision"/>.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>The query of what comes behind a piece that has rows.</summary>
    public PageQuery After(Piece<StoredObject> piece) => this with { AfterNamespace = piece.Rows[^1].Key.Namespace, AfterName = piece.Rows[^1].Key.Name };
}
