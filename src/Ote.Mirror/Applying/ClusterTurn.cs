namespace Ote.Mirror.Applying;

/// <summary>
/// That clusters began to be marked as away, or ceased to. All their objects changed by it, none of them on disk: each object that was last told before counts as changed at the revision
/// <paramref name="Start"/> plus its row's number, so that a watch may go on from the middle.
/// </summary>
/// <param name="Start">The revision before the first.</param>
/// <param name="Span">How many revisions it takes: the greatest number of a row. 0: there are no objects.</param>
/// <param name="Clusters">Rows of the clusters.</param>
/// <param name="Since">Since when they are away; null: they are back.</param>
internal sealed record ClusterTurn(long Start, long Span, IReadOnlyList<long> Clusters, DateTimeOffset? Since)
{
    /// <summary>The last revision.</summary>
    public long End => Start + Span;
}
