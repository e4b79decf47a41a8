using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Split;

/// <summary>
/// All shards as one request sees them. What a shard does not answer in time is left out of its answer, which says so (a <c>Warning</c>), and its version knows nothing of that shard; where the answer can no longer say so, it is broken off. One caller at a time.
/// </summary>
/// <param name="table">The shards.</param>
/// <param name="context">The request; null: there is none, and nothing is read.</param>
internal sealed class SplitView(ShardTable table, HttpContext? context) : IObjectSource
{
    private readonly SortedDictionary<int, ShardAwayException> _missing = [];
    private SplitListing? _listing;
    private ShardFacts?[]? _facts;
    private ShardVersions _versions = ShardVersions.Unknown(table.Count);
    private ShardVersions? _asked;
    private bool _keepsAsked;
    private int? _foundIn;

    /// <summary>How far what was listed goes.</summary>
    public ShardVersions Versions => _versions;

    /// <inheritdoc/>
    public long Revision => throw Several();

    /// <inheritdoc/>
    public ChangeHub Changes => throw Several();

    /// <inheritdoc/>
    public DateTimeOffset? KeptSince => _facts is null ? throw Several() : _facts.OfType<ShardFacts>().Max(f => f.KeptSince);

    /// <inheritdoc/>
    public bool Has(string resource) => table.Has(resource);

    /// <inheritdoc/>
    public IReadOnlyCollection<MirroredKind> Kinds => table.Kinds;

    /// <inheritdoc/>
    public IReadOnlyList<string> NotShown(string resource) => table.NotShown(resource);

    /// <summary>Learns how each shard stands, which <see cref="KeptSince"/> tells then.</summary>
    public async Task<IReadOnlyList<ShardFacts?>> LookAsync(CancellationToken cancellation)
    {
        _facts ??= await EachAsync(static (shard, ct) => shard.LookAsync(ct), cancellation).ConfigureAwait(false);
        Warn();
        return _facts;
    }

    /// <summary>Where a list begins that a request asks for.</summary>
    /// <exception cref="ApiError">Its version, or its token, is none of this split.</exception>
    public ContinueToken Begin(IQueryCollection query)
    {
        if (query.Text("continue") is { } text)
        {
            var token = ContinueToken.Parse(text);
            _asked = ShardVersions.Parse(token.Versions ?? "", table.Count)
                ?? throw ApiError.Expired($"the provided continue parameter is of another division of the clusters than into {table.Count} shards; list again from the beginning");
            _keepsAsked = true;
            return token;
        }

        if (query.Text("resourceVersion") is { } version && version != "0")
        {
            _asked = Parse(version);
            var match = query.Text("resourceVersionMatch");
            _keepsAsked = match == "Exact" || (match is null && query.Number("limit") is > 0);
        }

        return new ContinueToken(1, "", "");
    }

    /// <summary>Reads a version.</summary>
    /// <exception cref="ApiError">410 when it is of an object or of another division, 400 when it is none.</exception>
    public ShardVersions Parse(string version) => ShardVersions.Parse(version, table.Count)
        ?? throw (version.All(char.IsAsciiLetterOrDigit) || version.Contains('.', StringComparison.Ordinal)
            ? ApiError.Expired($"resource version {version} is not one of a list of clusters that are divided into {table.Count} shards; list again")
            : ApiError.BadRequest($"resourceVersion: Invalid value: \"{version}\": it is not one of this server"));

    /// <inheritdoc/>
    public async ValueTask<Piece<StoredObject>> ListAsync(PageQuery query, CancellationToken cancellation)
    {
        if (_listing is null)
        {
            var listing = new SplitListing([.. Shards()], query, Lost);
            var revisions = await listing.BeginAsync(cancellation).ConfigureAwait(false);
            ThrowIfNone();
            for (var i = 0; i < revisions.Count; i++)
            {
                if (revisions[i] != 0 && _asked?[i] > revisions[i])
                {
                    throw ApiError.RevisionAhead(_asked[i], revisions[i]);
                }

                // A page goes by the version of the first, but for a shard that is left out of this one.
                _versions = _versions.With(i, revisions[i] != 0 && _keepsAsked ? _asked![i] : revisions[i]);
            }

            Warn();
            _listing = listing;
        }

        return await _listing.NextAsync(query.Limit, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<StoredObject?> FindAsync(StoreKey key, CancellationToken cancellation) => FindAsync(key, null, cancellation);

    /// <inheritdoc/>
    public async ValueTask<StoredObject?> FindAsync(StoreKey key, DateTimeOffset? at, CancellationToken cancellation)
    {
        if (_foundIn is { } known && !_missing.ContainsKey(known))
        {
            return await OfOneAsync(known, key, at, cancellation).ConfigureAwait(false);
        }

        var found = await EachAsync((shard, ct) => shard.FindAsync(key, at, ct), cancellation).ConfigureAwait(false);
        var there = Enumerable.Range(0, found.Length).Where(i => found[i] is not null).ToArray();
        if (there.Length > 1)
        {
            throw new ApiError(
                409, "Conflict", $"{key.Name} is the name of objects of several clusters here ({string.Join(", ", there.Select(i => OriginOf(found[i]!)?.Cluster))}); list them with -l {ObjectOrigin.ClusterLabel}=NAME, and ask the cluster itself");
        }

        if (there.Length == 0 && _missing.Count > 0)
        {
            throw Unavailable($"whether there is {key.Name} is not known");
        }

        _foundIn = there.Length == 1 ? there[0] : null;
        return _foundIn is { } one ? found[one] : null;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<string>> ClustersAsync(CancellationToken cancellation) =>
        [.. (await LookAsync(cancellation).ConfigureAwait(false)).OfType<ShardFacts>().SelectMany(f => f.Clusters)];

    /// <inheritdoc/>
    public ObjectOrigin? OriginOf(StoredObject stored) => table.OriginOf(stored);

    /// <inheritdoc/>
    public ValueTask<Piece<Change>> ChangesAsync(string resource, long after, long upTo, int limit, CancellationToken cancellation) => throw Several();

    /// <summary>Says in the answer, once, what is not in it.</summary>
    public void Warn()
    {
        if (_missing.Count > 0 && context is { Response.HasStarted: false } && !context.Items.ContainsKey(typeof(SplitView)))
        {
            context.Items[typeof(SplitView)] = true;
            Answers.Warn(context, $"not all clusters are in this answer: {Names()}, try again soon");
        }
    }

    /// <summary>Notes that nobody answers for a shard.</summary>
    /// <exception cref="ShardAwayException">The answer has begun, and cannot say so any more.</exception>
    public void Lost(int shard, ShardAwayException away)
    {
        if (context?.Response.HasStarted == true)
        {
            throw away;
        }

        _missing[shard] = away;
        _versions = _versions.With(shard, 0);
        if (_listing is not null)
        {
            Warn(); // of those that are missing from the beginning, when all are known
        }
    }

    private IEnumerable<IShard> Shards() => Enumerable.Range(0, table.Count).Select(table.Of);

    private async Task<StoredObject?> OfOneAsync(int shard, StoreKey key, DateTimeOffset? at, CancellationToken cancellation)
    {
        try
        {
            return await table.Of(shard).FindAsync(key, at, cancellation).ConfigureAwait(false);
        }
        catch (ShardAwayException away)
        {
            throw Unavailable($"how {key.Name} is now is not known", away);
        }
    }

    private async Task<T?[]> EachAsync<T>(Func<IShard, CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        var answers = await Task.WhenAll(Shards().Select(async shard =>
        {
            try
            {
                return (Answer: (T?)await ask(shard, cancellation).ConfigureAwait(false), Away: (ShardAwayException?)null);
            }
            catch (ShardAwayException away)
            {
                return (Answer: default(T?), Away: away);
            }
        })).ConfigureAwait(false);
        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i].Away is { } away)
            {
                _missing[i] = away;
            }
        }

        ThrowIfNone();
        return [.. answers.Select(a => a.Answer)];
    }

    private void ThrowIfNone()
    {
        if (_missing.Count == table.Count)
        {
            throw Unavailable("there is nothing to show");
        }
    }

    private string Names() => $"nobody answers for {(_missing.Count == 1 ? "shard" : "shards")} {string.Join(", ", _missing.Keys)} of {table.Count}";

    private ApiError Unavailable(string what, ShardAwayException? cause = null) =>
        new(503, "ServiceUnavailable", $"{what}: {(cause is null ? Names() : cause.Message)} ({_missing.Values.FirstOrDefault()?.Message ?? "it was held a moment ago"}); try again soon") { RetryAfterSeconds = 1 };

    private static NotSupportedException Several() => new("of several shards there is no such thing; ask each");
}
