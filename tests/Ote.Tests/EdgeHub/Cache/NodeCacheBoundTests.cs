using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub.Cache;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.Cache;

public sealed class NodeCacheBoundTests : IDisposable
{
    private const long Most = 2 * 1024 * 1024;
    private readonly Scratch _folder = new("bound");
    private readonly FakeTimeProvider _time = new();
    private readonly NodeCache _cache;

    public NodeCacheBoundTests() => _cache = new NodeCache(NodeDatabase.Open(_folder.Path, "n1", NullLogger.Instance), null, Most, _time, NullLogger.Instance);

    [Fact]
    public void Copies_beyond_the_bound_go_and_the_one_that_was_read_longest_ago_goes_first()
    {
        var copies = new[] { Filled("first"), Filled("second"), Filled("third") };
        _cache.Use(copies[0]); // so that the second is the oldest

        Filled("fourth");

        Assert.InRange(_cache.Bytes, 0, Most);
        Assert.Equal([true, false], [_cache.IsHere(copies[0]), _cache.IsHere(copies[1])]);
    }

    [Fact]
    public void Copy_that_was_just_filled_stays_though_it_alone_is_beyond_the_bound()
    {
        var large = Filled("large", count: 200);
        Assert.True(_cache.IsHere(large));
        Assert.True(_cache.Bytes > Most);
    }

    [Fact]
    public void Answers_to_questions_take_no_more_than_their_share_and_the_newest_stays()
    {
        for (var i = 0; i < 15; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            _cache.Keep($"question {i}", new byte[3 * 1024 * 1024]);
        }

        Assert.Null(_cache.Kept("question 0"));
        Assert.NotNull(_cache.Kept("question 14"));
        Assert.InRange(_cache.Bytes, 0, 34 * 1024 * 1024);
    }

    public void Dispose()
    {
        _cache.Dispose();
        _folder.Dispose();
    }

    private CacheScope Filled(string ns, int count = 30)
    {
        _time.Advance(TimeSpan.FromMinutes(1));
        var scope = _cache.Take(new CacheQuery("", "v1", "configmaps", ns, null));
        var filling = _cache.Fill(scope);
        filling.Take([.. Enumerable.Range(0, count).Select(i => new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = $"c{i}", ["namespace"] = ns, ["resourceVersion"] = "5" }, ["data"] = new JsonObject { ["a"] = new string('x', 20_000) },
        })]);
        filling.Version = "5";
        filling.End();
        return scope;
    }
}
