using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub.Cache;
using Ote.Kube.Server.Store;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.Cache;

/// <summary>Versions of what is written while cut off.</summary>
public sealed class NodeCacheVersionTests : IDisposable
{
    private static readonly CacheQuery s_pods = new("", "v1", "pods", null, null);
    private readonly Scratch _folder = new("versions");
    private readonly FakeTimeProvider _time = new();
    private NodeCache _cache;

    public NodeCacheVersionTests() => _cache = Open();

    [Fact]
    public void Write_is_newer_than_the_version_that_a_watch_began_at_though_its_copy_has_not_come_so_far()
    {
        var copy = Filled(at: 342);
        Assert.True(copy.MayBeginAfter(343)); // a list that the API server answered itself said so
        Assert.Equal(344, Write());
    }

    [Fact]
    public void Write_is_newer_than_it_also_after_the_hub_was_started_anew()
    {
        Assert.True(Filled(at: 342).MayBeginAfter(350));
        _cache.Dispose();
        _cache = Open();
        Assert.Equal(351, Write());
        Assert.False(_cache.Find(s_pods)!.MayBeginAfter(351));
    }

    [Fact]
    public void A_copy_is_kept_up_as_long_as_its_watch_tells_something()
    {
        var copy = Filled(at: 342);
        var now = _time.GetUtcNow();
        Assert.False(copy.IsKeptUpSince(now));
        _cache.Heard(copy);
        Assert.True(copy.IsKeptUpSince(now));
        Assert.False(copy.IsKeptUpSince(now.AddSeconds(1)));
        copy.Heard(null); // a new watch begins
        Assert.False(copy.IsKeptUpSince(now));
    }

    [Fact]
    public void A_copy_that_has_not_come_to_what_a_component_was_answered_or_holds_what_was_written_here_is_not_kept_up()
    {
        var copy = Filled(at: 342);
        _cache.Heard(copy);
        _cache.Answered(s_pods with { Namespace = "d", Name = "p" }, 344);
        Assert.False(copy.IsKeptUpSince(_time.GetUtcNow()));
        _cache.Told(copy, [Pod("344")]);
        Assert.True(copy.IsKeptUpSince(_time.GetUtcNow()));
        Assert.Equal(345, Write(344));
        Assert.False(copy.IsKeptUpSince(_time.GetUtcNow()));
    }

    public void Dispose()
    {
        _cache.Dispose();
        _folder.Dispose();
    }

    private static JsonObject Pod(string version) => (JsonObject)JsonNode.Parse($$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"d","name":"p","uid":"u","resourceVersion":"{{{version}}}"}}""")!;

    private NodeCache Open() => new(NodeDatabase.Open(_folder.Path, "n1", NullLogger.Instance), null, long.MaxValue, _time, NullLogger.Instance);

    private CacheScope Filled(long at)
    {
        var copy = _cache.Take(s_pods);
        var filling = _cache.Fill(copy);
        filling.Take([Pod("336")]);
        filling.Version = $"{at}";
        filling.End();
        return copy;
    }

    private long Write(long expected = 336) => _cache.Write(new StoreWrite { Key = new StoreKey("/pods", "d", "p"), Expected = expected, Value = EncodedObject.Of(Pod("")) }, isJournalled: true, reader: null).Revision;
}
