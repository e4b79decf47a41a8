using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub.Cache;
using Ote.Kube.Server.Store;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.Cache;

/// <summary>A cache whose disk takes nothing more: what the API servers tell is read on from memory, what a component writes is nowhere.</summary>
public sealed class FullDiskTests : IDisposable
{
    private static readonly CacheQuery s_pods = new("", "v1", "pods", null, null);
    private readonly Scratch _folder = new("full");
    private readonly Lines _log = new();
    private readonly List<Change> _seen = [];
    private NodeDatabase _database;
    private NodeCache _cache;

    public FullDiskTests() => (_database, _cache) = Open();

    [Fact]
    public void What_the_API_server_tells_is_read_and_told_on_from_memory_and_is_on_the_disk_when_there_is_room()
    {
        var scope = Filled();
        Fill();
        _cache.Told(scope, [Pod("b", 11, 300_000)]);
        _cache.Told(scope, [Pod("a", 12, 300_000)]);
        _cache.Told(scope, [Pod("c", 13, 10)], gone: true);
        _cache.Reached(scope, "20");

        Assert.Equal(StoreTrouble.Full, _cache.Fault?.Trouble);
        Assert.Equal(["a 12", "b 11"], Read(scope));
        Assert.Equal(["b 11", "a 12", "c 13"], _seen.Select(change => $"{change.Key.Name} {change.Revision}"));
        Assert.Equal(20, scope.Revision);
        Assert.Equal(12, _cache.Find(scope.Id, Key("a"))?.Revision);
        Assert.Null(_cache.Find(scope.Id, Key("c")));

        Free();
        _cache.TryAgain();
        Assert.Null(_cache.Fault);
        Assert.Equal(["a 12", "b 11"], Read(scope));
        Reopen();
        var again = _cache.Find(s_pods)!;
        Assert.Equal(["a 12", "b 11"], Read(again));
        Assert.Equal(20, again.Revision);
    }

    [Fact]
    public void Pages_are_put_together_of_what_is_on_the_disk_and_what_is_in_memory_in_order()
    {
        var scope = Filled();
        Fill();
        _cache.Told(scope, [Pod("aa", 11, 300_000), Pod("d", 12, 300_000)]);
        var first = _cache.Page(scope.Id, new PageQuery("/pods", null, 0, "", "", 2));
        Assert.Equal(["a", "aa"], first.Rows.Select(row => row.Key.Name));
        Assert.Equal(["c", "d"], _cache.Page(scope.Id, new PageQuery("/pods", null, 0, "default", "aa", 2)).Rows.Select(row => row.Key.Name));
    }

    [Fact]
    public void Whole_list_is_taken_into_memory_too()
    {
        var scope = Filled();
        Fill();
        var filling = _cache.Fill(scope);
        filling.Take([Pod("a", 10, 10), Pod("n", 30, 300_000)]);
        filling.Version = "31";
        filling.End();
        Assert.Equal(["a 10", "n 30"], Read(scope));
        Free();
        _cache.TryAgain();
        Reopen();
        Assert.Equal(["a 10", "n 30"], Read(_cache.Find(s_pods)!));
        Assert.Equal(31, _cache.Find(s_pods)!.Revision);
    }

    [Fact]
    public void Write_that_cannot_be_made_durable_is_refused_and_neither_told_nor_read_nor_journalled()
    {
        var scope = Filled();
        Fill();
        var before = _cache.Find(scope.Id, Key("a"))!;
        var refused = Assert.Throws<CacheFailedException>(() => Write("a", before.Revision, 300_000));

        Assert.Equal(StoreTrouble.Full, refused.Trouble);
        Assert.Equal($"The database {_folder.Path}/node.db cannot be written: no room is left for it. Nothing of this was stored; make room on its disk, no restart is needed.", refused.Message);
        Assert.Equal((507, "InsufficientStorage"), (refused.Answer("x").Code, refused.Answer("x").Reason));
        Assert.Empty(_seen);
        Assert.Equal(0, _cache.Journalled);
        Assert.Equal(before.Json, _cache.Find(scope.Id, Key("a"))!.Json);
        Assert.Equal(10, scope.Revision);
        Assert.False(scope.IsDoubtful);

        Free();
        Assert.Equal(WriteOutcome.Committed, Write("a", before.Revision, 300_000).Outcome);
        Assert.Equal(1, _cache.Journalled);
    }

    [Fact]
    public void Write_with_what_changes_along_is_stored_with_all_of_it_or_with_nothing()
    {
        Filled();
        var slices = _cache.Take(new CacheQuery("", "v1", "endpoints", null, null));
        var filling = _cache.Fill(slices);
        filling.Take([new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Endpoints", ["metadata"] = Meta("web", 5) }]);
        filling.Version = "5";
        filling.End();
        var key = new StoreKey("/endpoints", "default", "web");
        StoreWrite along = new() { Key = key, Expected = 5, Value = EncodedObject.Of(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Endpoints", ["metadata"] = Meta("web", 5), ["x"] = new string('x', 300_000) }) };
        Fill();
        Assert.Throws<CacheFailedException>(() => Write("a", 10, 10, along));
        Assert.Equal((0, 10, 5), (_cache.Journalled, _cache.Find(_cache.Find(s_pods)!.Id, Key("a"))!.Revision, _cache.Find(slices.Id, key)!.Revision));
        Free();
        Write("a", 10, 10, along);
        Assert.Equal((1, 11, 6), (_cache.Journalled, _cache.Find(_cache.Find(s_pods)!.Id, Key("a"))!.Revision, _cache.Find(slices.Id, key)!.Revision));
    }

    [Fact]
    public void More_than_memory_may_hold_is_refused_and_is_taken_when_it_is_told_again()
    {
        var scope = Filled();
        Fill();
        var held = 0;
        Assert.Throws<CacheFailedException>(() =>
        {
            for (; held < 40; held++)
            {
                _cache.Told(scope, [Pod($"p{held:00}", 100 + held, 1_000_000)]);
            }
        });
        Assert.InRange(held, 10, 17);
        Assert.Equal(held, _seen.Count);
        Assert.Equal(100 + held - 1, scope.Revision);
        Free();
        _cache.Told(scope, [Pod($"p{held:00}", 100 + held, 1_000_000)]);
        Reopen();
        Assert.Equal(held + 3, _database.Read(session => session.Scalar("SELECT COUNT(*) FROM objects")));
    }

    [Fact]
    public void Rights_that_are_given_or_withdrawn_count_at_once_and_are_on_the_disk_when_there_is_room()
    {
        var scope = Filled();
        _cache.Grant(scope, "old");
        _cache.Keep("question", new byte[10]);
        Stop();
        _cache.Grant(scope, "new");
        _cache.Revoke(scope, "old");
        _cache.Unkeep("question");
        Assert.False(_cache.Keep("other", new byte[10]));
        Assert.Equal([true, false], [scope.IsGranted("new"), scope.IsGranted("old")]);
        Assert.Null(_cache.Kept("question"));
        Assert.Equal(StoreTrouble.ReadOnly, _cache.Fault?.Trouble);

        _database.Read(session => { session.Execute("PRAGMA query_only=OFF"); return 0; });
        _cache.TryAgain();
        Reopen();
        scope = _cache.Find(s_pods)!;
        Assert.Equal([true, false], [scope.IsGranted("new"), scope.IsGranted("old")]);
        Assert.Null(_cache.Kept("question"));
    }

    [Fact]
    public void Copy_that_goes_while_the_disk_is_full_is_gone_from_it_when_there_is_room()
    {
        Filled();
        var single = _cache.Take(new CacheQuery("", "v1", "pods", "default", "single"));
        _cache.Grant(single, "kubelet");
        _cache.Told(single, [Pod("single", 9, 10)]);
        Fill();
        _cache.Told(_cache.Find(s_pods)!, [Pod("single", 15, 300_000)]);
        Assert.False(_cache.IsHere(single));
        Free();
        _cache.TryAgain();
        Reopen();
        Assert.Null(_cache.Find(single.Query));
        Assert.Equal(["a 10", "c 10", "single 15"], Read(_cache.Find(s_pods)!));
    }

    [Fact]
    public void Trouble_is_logged_once_and_once_when_it_is_over()
    {
        var scope = Filled();
        Fill();
        for (var i = 0; i < 5; i++)
        {
            _cache.Told(scope, [Pod("a", 20 + i, 300_000)]);
        }

        Free();
        _cache.TryAgain();
        Assert.Equal([7017, 7018], _log.Told.Select(line => line.Id));
    }

    [Theory]
    [InlineData("UPDATE objects SET value=zeroblob(LENGTH(value))")]
    [InlineData("UPDATE journal SET local=zeroblob(LENGTH(local))")]
    [InlineData("UPDATE answers SET value=zeroblob(3)")]
    public void Value_that_is_not_as_it_was_written_is_found_at_the_next_start_and_the_file_put_aside(string damage)
    {
        Filled();
        Write("a", 10, 10);
        _cache.Keep("question", new byte[10]);
        _database.Write(session => { session.Execute(damage); return 0; });
        Reopen();
        Assert.Contains("a value of it is not what was written", Assert.Single(_log.Told, line => line.Id == 7008).Text, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["node.db.damaged"]));
        Assert.Empty(_cache.Scopes);
        Filled();
    }

    [Fact]
    public void Value_that_is_found_damaged_while_it_runs_is_told_with_what_to_do_and_the_rest_is_read_on()
    {
        var scope = Filled();
        _database.Write(session => { session.Execute("UPDATE objects SET value=zeroblob(LENGTH(value)) WHERE name='a'"); return 0; });
        var fault = Assert.Throws<CacheFailedException>(() => _cache.Find(scope.Id, Key("a")));
        Assert.Equal($"The cache {_folder.Path}/node.db is damaged: a value of it is not what was written. Start the hub again: it puts the file aside and fills another.", fault.Message);
        Assert.Equal(500, fault.Answer("x").Code);
        Assert.NotNull(_cache.Find(scope.Id, Key("c")));
        _cache.Told(scope, [Pod("c", 50, 10)]);
        Assert.Equal(StoreTrouble.Damaged, _cache.Fault?.Trouble);
    }

    public void Dispose()
    {
        _cache.Dispose();
        _folder.Dispose();
    }

    private static StoreKey Key(string name) => new("/pods", "default", name);

    private static JsonObject Meta(string name, long version) => new() { ["name"] = name, ["namespace"] = "default", ["uid"] = name, ["resourceVersion"] = $"{version}" };

    private static JsonObject Pod(string name, long version, int bytes) => new() { ["apiVersion"] = "v1", ["kind"] = "Pod", ["metadata"] = Meta(name, version), ["status"] = new JsonObject { ["message"] = new string('x', bytes) } };

    private WriteResult Write(string name, long expected, int bytes, params StoreWrite[] along) =>
        _cache.Write(new StoreWrite { Key = Key(name), Expected = expected, Value = EncodedObject.Of(Pod(name, expected, bytes)) }, isJournalled: true, "kubelet", along);

    private List<string> Read(CacheScope scope)
    {
        var (rows, query) = (new List<StoredObject>(), new PageQuery("/pods", null, 0, "", "", 100));
        Piece<StoredObject> piece;
        do
        {
            rows.AddRange((piece = _cache.Page(scope.Id, query)).Rows);
            query = query.After(piece);
        }
        while (piece.More);
        return [.. rows.Select(row => $"{row.Key.Name} {row.Revision}")];
    }

    /// <summary>A copy with the pods a and c.</summary>
    private CacheScope Filled()
    {
        var scope = _cache.Take(s_pods);
        var filling = _cache.Fill(scope);
        filling.Take([Pod("a", 10, 10), Pod("c", 10, 10)]);
        filling.Version = "10";
        filling.End();
        scope.Changes.Listen(_seen.Add);
        return scope;
    }

    /// <summary>No page more than there are.</summary>
    private void Fill() => _database.Read(session => { session.Execute("PRAGMA max_page_count=1"); return 0; });

    private void Free() => _database.Read(session => { session.Execute("PRAGMA max_page_count=1000000"); return 0; });

    /// <summary>No write at all.</summary>
    private void Stop() => _database.Read(session => { session.Execute("PRAGMA query_only=ON"); return 0; });

    private void Reopen()
    {
        _cache.Dispose();
        (_database, _cache) = Open();
    }

    private (NodeDatabase Database, NodeCache Cache) Open()
    {
        var database = NodeDatabase.Open(_folder.Path, "n1", _log);
        return (database, new NodeCache(database, null, long.MaxValue, new FakeTimeProvider(), _log));
    }
}
