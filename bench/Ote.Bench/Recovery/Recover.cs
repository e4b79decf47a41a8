namespace Ote.Bench.Recovery;

/// <summary>What a tree does when a part of it is gone, and when that comes back.</summary>
internal static class Recover
{
    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, int children, int clusters, CancellationToken ct) =>
    [
        .. await Orphans.RunAsync(around, children, ct),
        .. await HalfOpen.RunAsync(around, ct),
        .. await RootAway.RunAsync(around, clusters, ct),
    ];
}
