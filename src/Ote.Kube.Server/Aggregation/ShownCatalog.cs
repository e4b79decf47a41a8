using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Aggregation;

/// <summary>The kinds that an <see cref="AggregatedServer"/> shows now: those it always shows, and those that clusters report. Thread-safe.</summary>
/// <param name="options">Where they are shown, and which always.</param>
internal sealed class ShownCatalog(AggregatedServerOptions options)
{
    private readonly Lock _gate = new();
    private HashSet<MirroredKind> _kinds = [];
    private SchemaCatalog _current = Make(options, []);

    /// <summary>The kinds as far as they are known here.</summary>
    public SchemaCatalog Current => With(options.Shards?.Kinds ?? options.Source!.Kinds);

    /// <summary>The kinds as they are, when other servers are asked for theirs: for who asks what there is, and for a kind that is not known.</summary>
    public async ValueTask<SchemaCatalog> LatestAsync(CancellationToken cancellation)
    {
        if (options.Shards is { } shards)
        {
            await shards.LearnKindsAsync(cancellation).ConfigureAwait(false);
        }

        return Current;
    }

    private SchemaCatalog With(IReadOnlyCollection<MirroredKind> kinds)
    {
        lock (_gate)
        {
            if (_kinds.Count != kinds.Count || !kinds.All(k => _kinds.Contains(k.Form)))
            {
                _kinds = [.. kinds.Select(k => k.Form)];
                _current = Make(options, kinds);
            }

            return _current;
        }
    }

    private static SchemaCatalog Make(AggregatedServerOptions options, IReadOnlyCollection<MirroredKind> kinds) =>
        SchemaCatalog.ShownIn(options.Group, options.Version, options.Category, options.Resources, kinds);
}
