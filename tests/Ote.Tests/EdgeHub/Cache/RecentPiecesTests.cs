using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub.Cache;
using Ote.Kube.Server.Store;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.Cache;

/// <summary>A piece that is given twice as the same object was not read from the disk the second time.</summary>
public sealed class RecentPiecesTests : IDisposable
{
    private readonly Scratch _folder = new("recent");
    private readonly FakeTimeProvider _time = new();
    private readonly NodeCache _cache;
    private readonly CacheScope _services;

    public RecentPiecesTests()
    {
        _cache = new NodeCache(NodeDatabase.Open(_folder.Path, "n1", NullLogger.Instance), null, 100 * 1024 * 1024, _time, NullLogger.Instance);
        _services = Filled("services", Named("a", 5), Named("b", 5));
    }

    [Fact]
    public void Who_reads_the_same_a_moment_later_is_not_answered_from_the_disk()
    {
        Assert.Same(Read(_services).Rows, Read(_services).Rows);
        Assert.NotSame(Read(_services).Rows, Read(_services, limit: 1).Rows);
        Assert.Equal(["b"], Read(_services, after: "a").Rows.Select(row => row.Key.Name));
    }

    [Fact]
    public void What_changes_is_seen_at_once_and_other_copies_are_kept()
    {
        var nodes = Filled("nodes", Named("n1", 5));
        var (former, other) = (Read(_services), Read(nodes));

        _cache.Told(_services, [Named("a", 7)]);
        Assert.Equal([7, 5], Read(_services).Rows.Select(row => row.Revision));
        _cache.Told(_services, [Named("b", 8)], gone: true);
        Assert.Equal(["a"], Read(_services).Rows.Select(row => row.Key.Name));
        _cache.Write(new StoreWrite { Key = new StoreKey("/services", "default", "a"), Expected = 7, Value = EncodedObject.Of(Named("a", 7)) }, isJournalled: true, null);
        Assert.True(Assert.Single(Read(_services).Rows).Revision > 8);

        Assert.Equal([5, 5], former.Rows.Select(row => row.Revision));
        Assert.Same(other.Rows, Read(nodes).Rows);
    }

    [Fact]
    public async Task Who_still_reads_a_copy_that_went_gets_nothing_of_the_next_and_is_told_to_begin_anew()
    {
        var former = _cache.Take(new CacheQuery("", "v1", "pods", "default", "p"));
        _cache.Told(former, [Named("p", 5)]);
        Assert.Single(Read(former).Rows);

        _cache.Gone(former);
        var next = _cache.Take(new CacheQuery("", "v1", "secrets", "default", "p"));
        _cache.Told(next, [Named("p", 5)]);

        Assert.Empty(Read(former).Rows);
        await Assert.ThrowsAsync<RevisionExpiredException>(async () => await former.ListAsync(Query(former), CancellationToken.None));
        Assert.Single((await next.ListAsync(Query(next), CancellationToken.None)).Rows);
    }

    [Fact]
    public void Copy_that_is_read_keeps_no_other_in_memory()
    {
        var nodes = Filled("nodes", Named("n1", 5));
        var (seldom, often) = (Read(nodes).Rows, Read(_services).Rows);
        for (var i = 0; i < 4; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(9));
            Assert.Same(often, Read(_services).Rows);
        }

        Assert.NotSame(seldom, Read(nodes).Rows);
    }

    [Fact]
    public void When_nobody_reads_any_more_it_is_let_go_of_and_what_it_took_can_be_given_back()
    {
        var strained = 0;
        _cache.Strained += () => strained++;
        var first = Read(_services).Rows;
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(9));
            Assert.Same(first, Read(_services).Rows);
        }

        Assert.Equal(0, strained);
        _time.Advance(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(1, strained);
        Assert.NotSame(first, Read(_services).Rows);
    }

    [Fact]
    public void Secrets_are_in_memory_no_longer_than_it_takes_to_answer()
    {
        var secrets = Filled("secrets", Named("s", 5));
        Assert.NotSame(Read(secrets).Rows, Read(secrets).Rows);
    }

    [Fact]
    public void Of_a_copy_that_is_beyond_the_bound_the_first_pieces_are_kept_and_one_that_is_read_later_takes_their_place()
    {
        const int Each = 1024 * 1024;
        var large = Filled("pods", [.. Enumerable.Range(0, 6).Select(i => Named($"p{i}", 5, new string('x', Each)))]);
        var (services, first) = (Read(_services).Rows, ReadEach().ToList());
        var again = ReadEach().Zip(first).Select(pair => ReferenceEquals(pair.First, pair.Second)).ToList();
        Assert.Equal([true, true, true, false, false, false], again); // 4 MiB, and each is a little more than one
        Assert.NotSame(services, Read(_services).Rows);
        Assert.Same(Read(_services).Rows, Read(_services).Rows);

        IEnumerable<IReadOnlyList<StoredObject>> ReadEach() => Enumerable.Range(0, 6).Select(i => Read(large, i == 0 ? "" : $"p{i - 1}", 1).Rows);
    }

    public void Dispose()
    {
        _cache.Dispose();
        _folder.Dispose();
    }

    private static JsonObject Named(string name, int version, string data = "") => new()
    {
        ["apiVersion"] = "v1", ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default", ["resourceVersion"] = $"{version}" }, ["data"] = data,
    };

    private static PageQuery Query(CacheScope scope, string after = "", int limit = 500) => new(scope.Query.Resource, null, scope.Revision, after.Length == 0 ? "" : "default", after, limit);

    private Piece<StoredObject> Read(CacheScope scope, string after = "", int limit = 500) => _cache.Page(scope.Id, Query(scope, after, limit));

    private CacheScope Filled(string plural, params JsonObject[] objects)
    {
        var scope = _cache.Take(new CacheQuery("", "v1", plural, null, null));
        var filling = _cache.Fill(scope);
        filling.Take(objects);
        filling.Version = "5";
        filling.End();
        return scope;
    }
}
