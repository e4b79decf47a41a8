using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Mirrors;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Applying;

public sealed class MirrorStoreTests : IDisposable
{
    private const string Pods = "/pods";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ote-mirror-");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 27, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Objects_are_shown_under_their_clusters_names_with_where_they_come_from()
    {
        await using var mirror = Open();
        Assert.True(await mirror.ApplyAsync("c1", Whole(10, Pod("web", "n1"))));
        var shown = await mirror.FindAsync(new StoreKey(Pods, "ns", "web-c1"), Ct);
        var json = Encoding.UTF8.GetString(shown!.Json);
        foreach (var part in new[] { "\"name\":\"web-c1\"", "\"ote-cluster\":\"c1\"", "\"node-name\":\"n1\"", "\"ote.baidu.com/name\":\"web\"", $"\"resourceVersion\":\"{shown.Revision}\"", "\"kind\":\"Pod\"", "\"securityContext\":{}" })
        {
            Assert.Contains(part, json, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_the_objects_of_a_kind_are_may_be_told_after_the_first_of_them()
    {
        await using var mirror = Open();
        var widget = new ObjectChange { Namespace = "ns", Name = "w", Object = ByteString.CopyFromUtf8("""{"metadata":{"name":"w","namespace":"ns"} }""") };
        Assert.True(await mirror.ApplyAsync("c1", new Report { Kind = "widgets.example.com", Epoch = 1, From = 0, To = 1, Changes = { widget } }));
        Assert.Empty(mirror.Kinds);
        var digest = ReportDigest.Of("ns", "w", widget.Object.Span);
        Assert.True(await mirror.ApplyAsync("c1", new Report { Kind = "widgets.example.com", ApiVersion = "example.com/v1", ObjectKind = "Widget", Namespaced = true, Epoch = 1, From = 1, To = 2, Complete = true, Digest = digest }));
        Assert.Equal(("example.com", "v1", "widgets", "Widget", true), Assert.Single(mirror.Kinds) is var kind ? (kind.Group, kind.Version, kind.Plural, kind.Kind, kind.Namespaced) : default);
        Assert.True(mirror.Has("example.com/widgets"));
    }

    [Fact]
    public async Task A_mirror_of_a_former_build_is_told_once_more_what_it_did_not_note()
    {
        await using (var mirror = Open())
        {
            await mirror.ApplyAsync("c1", Whole(10, Pod("web", "n1")));
            await mirror.ApplyAsync("c1", new Report { Kind = "widgets.example.com", Epoch = 7, From = 0, To = 4 });
        }

        using (var file = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(_folder.FullName, "mirror.db")};Pooling=False"))
        {
            file.Open();
            using var command = file.CreateCommand();
            command.CommandText = "ALTER TABLE streams DROP COLUMN form; DROP TABLE forms";
            command.ExecuteNonQuery();
        }

        await using var again = Open();
        Assert.Equal(["pods 10", "widgets.example.com 0"], (await again.CursorsAsync("c1")).Select(c => $"{c.Kind} {c.Revision}").Order());
    }

    [Fact]
    public async Task A_report_that_does_not_go_on_where_the_stream_ends_is_not_taken()
    {
        await using var mirror = Open();
        Assert.True(await mirror.ApplyAsync("c1", Whole(10, Pod("web", "n1"))));
        Assert.False(await mirror.ApplyAsync("c1", Next(11, 12, complete: false, Pod("web", "n2")))); // 10 to 11 is missing
        Assert.False(await mirror.ApplyAsync("c1", new Report(Next(10, 12, complete: false)) { Epoch = 8 }));
        Assert.True(await mirror.ApplyAsync("c1", Next(10, 11, complete: false, Pod("web", "n3"))));
        Assert.Equal(11UL, Assert.Single(await mirror.CursorsAsync("c1")).Revision);
    }

    [Fact]
    public async Task What_does_not_come_in_a_telling_from_the_beginning_is_gone_at_its_end_and_not_before()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n"), Pod("b", "n"), Pod("c", "n")));
        await mirror.ApplyAsync("c2", Whole(10, Pod("b", "n")));
        Assert.True(await mirror.ApplyAsync("c1", new Report(Whole(5, Pod("a", "n"))) { Complete = false, Epoch = 99 }));
        Assert.Equal(["a-c1", "b-c1", "b-c2", "c-c1"], await NamesAsync(mirror));
        Assert.True(await mirror.ApplyAsync("c1", new Report(Next(5, 9, complete: true, Pod("c", "n"))) { Epoch = 99, Digest = Digest(Pod("a", "n"), Pod("c", "n")) }));
        Assert.Equal(["a-c1", "b-c2", "c-c1"], await NamesAsync(mirror));
    }

    [Fact]
    public async Task A_stream_that_does_not_agree_with_its_cluster_is_asked_for_from_the_beginning()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n")));
        Assert.False(await mirror.ApplyAsync("c1", new Report(Next(10, 11, complete: true)) { Digest = 1 }));
        Assert.Equal(0UL, Assert.Single(await mirror.CursorsAsync("c1")).Revision);
        Assert.True(await mirror.ApplyAsync("c1", Whole(12, Pod("a", "n"), Pod("b", "n"))));
        Assert.Equal(["a-c1", "b-c1"], await NamesAsync(mirror));
    }

    [Fact]
    public async Task What_a_cluster_reports_no_more_is_gone_and_does_not_count_as_reported()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n"), Pod("b", "n")));
        await mirror.ApplyAsync("c2", Whole(10, Pod("a", "n")));
        using var narrowed = ReportJournal.Open(null, () => 8);
        var session = new ReportSession([narrowed.Stream("services")]);
        session.Take(new ReportRequest { Follow = new Follow { WindowBytes = 1024, Cursors = { await mirror.CursorsAsync("c1") } } });
        while (session.TryNext(out var told))
        {
            Assert.True(await mirror.ApplyAsync("c1", told));
        }

        Assert.Equal(["a-c2"], await NamesAsync(mirror));
        Assert.DoesNotContain(await mirror.CursorsAsync("c1"), c => c.Kind == "pods");
        Assert.False((await mirror.LookAsync(Key("a"), "u", Ct)).IsReported);
        Assert.True(await mirror.ApplyAsync("c1", Whole(3, Pod("b", "n")))); // and is there again when it is reported again
        Assert.Equal(["a-c2", "b-c1"], await NamesAsync(mirror));
    }

    [Fact]
    public async Task Two_objects_that_would_be_shown_alike_are_both_there()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("b-c", Whole(1, Pod("a", "n1")));
        await mirror.ApplyAsync("c", Whole(1, Pod("a-b", "n2")));
        var names = await NamesAsync(mirror);
        Assert.Equal(["a-b-c", MirroredName.Marked("a-b", "c")], names);
        await mirror.ApplyAsync("c", Next(1, 2, complete: false, Pod("a-b", null)));
        Assert.Equal(["a-b-c"], await NamesAsync(mirror));
    }

    [Fact]
    public async Task Lists_are_narrowed_by_cluster_label_node_and_namespace_and_go_on_behind_a_page()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("c1", Whole(10, [.. Enumerable.Range(0, 5).Select(i => Pod($"p{i}", i < 2 ? "n1" : "n2"))]));
        await mirror.ApplyAsync("c2", Whole(10, [.. Enumerable.Range(0, 5).Select(i => Pod($"p{i}", "n1"))]));
        Assert.Equal(5, (await NamesAsync(mirror, "l ote-cluster=c1")).Length);
        Assert.Equal(2, (await NamesAsync(mirror, "f spec.nodeName=n1-c1")).Length);
        Assert.Equal(5, (await NamesAsync(mirror, "f spec.nodeName=n1-c2")).Length);
        Assert.Equal(["p0-c1", "p0-c2"], await NamesAsync(mirror, "l app=p0"));
        Assert.Empty(await NamesAsync(mirror, "l app=none"));
        Assert.Empty(await NamesAsync(mirror, "l ote-cluster=c9"));
        foreach (var terms in new[] { [], new[] { "l ote-cluster=c1" }, ["f spec.nodeName=n1-c1"] })
        {
            var (query, names) = (new PageQuery(Pods, null, 0, "", "", 2) { Terms = terms }, new List<string>());
            Piece<StoredObject> piece;
            do
            {
                piece = await mirror.ListAsync(query, Ct);
                names.AddRange(piece.Rows.Select(r => r.Key.Name));
                query = piece.More ? query.After(piece) : query;
            }
            while (piece.More);
            Assert.Equal(await NamesAsync(mirror, terms), names);
        }
    }

    [Fact]
    public async Task An_object_that_changes_is_found_by_what_it_is_now()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n1")));
        await mirror.ApplyAsync("c1", Next(10, 11, complete: false, Pod("a", "n2")));
        Assert.Empty(await NamesAsync(mirror, "f spec.nodeName=n1-c1"));
        Assert.Equal(["a-c1"], await NamesAsync(mirror, "f spec.nodeName=n2-c1"));
    }

    [Fact]
    public async Task Watchers_are_told_what_changed_since_a_revision_each_change_once_and_in_order()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n1"), Pod("b", "n1")));
        var from = mirror.Revision;
        await mirror.ApplyAsync("c1", Next(10, 11, complete: false, Pod("a", "n2")));
        await mirror.ApplyAsync("c1", Next(11, 14, complete: false, Pod("a", "n3"), Pod("b", null), Pod("c", "n1")));
        await mirror.ApplyAsync("c1", Next(14, 15, complete: false, Pod("b", "n4")));

        var (told, after) = (new List<string>(), from);
        Piece<Change> piece;
        do
        {
            piece = await mirror.ChangesAsync(Pods, after, mirror.Revision, 2, Ct);
            told.AddRange(piece.Rows.Select(c => $"{c.Kind} {c.Key.Name} {(c.Previous is null ? "new" : "was")}"));
            after = piece.More ? piece.Rows[^1].Revision : after;
        }
        while (piece.More);
        Assert.Equal(["Modified a-c1 was", "Modified a-c1 was", "Deleted b-c1 was", "Added c-c1 new", "Added b-c1 new"], told);
    }

    [Fact]
    public async Task Former_states_are_dropped_by_age_and_a_watch_from_before_them_is_told_so()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n1")));
        var from = mirror.Revision;
        await mirror.ApplyAsync("c1", Next(10, 11, complete: false, Pod("a", "n2")));
        _time.Advance(TimeSpan.FromDays(2));
        await mirror.ApplyAsync("c1", Next(11, 12, complete: false, Pod("b", "n2"))); // looks, behind it
        await mirror.ApplyAsync("c1", Next(12, 13, complete: false, Pod("c", "n2")));
        await Assert.ThrowsAsync<RevisionExpiredException>(async () => await mirror.ChangesAsync(Pods, from, mirror.Revision, 10, Ct));
    }

    [Fact]
    public async Task Former_states_are_dropped_by_size_the_oldest_first()
    {
        await using var mirror = MirrorStore.Open(new MirrorOptions { Directory = _folder.FullName, HistoryBytes = 3000 }, _time, NullLogger.Instance);
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n0")));
        var first = mirror.Revision;
        for (var i = 1UL; i <= 20; i++)
        {
            await mirror.ApplyAsync("c1", Next(9 + i, 10 + i, complete: false, Pod("a", $"n{i}")));
        }

        Assert.Equal(20, (await mirror.ChangesAsync(Pods, first, mirror.Revision, 100, Ct)).Rows.Count);
        _time.Advance(TimeSpan.FromMinutes(1));
        await mirror.ApplyAsync("c1", Next(30, 31, complete: false, Pod("b", "n")));
        await mirror.ApplyAsync("c1", Next(31, 32, complete: false, Pod("c", "n")));
        await Assert.ThrowsAsync<RevisionExpiredException>(async () => await mirror.ChangesAsync(Pods, first, mirror.Revision, 100, Ct));
        Assert.Equal(["a-c1", "b-c1", "c-c1"], await NamesAsync(mirror));
    }

    [Fact]
    public async Task A_cluster_that_is_forgotten_takes_its_own_objects_along_and_no_others()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n1")));
        await mirror.ApplyAsync("c2", Whole(10, Pod("a", "n1")));
        await mirror.RemoveAsync("c1");
        await mirror.RemoveAsync("never");
        Assert.Equal(["a-c2"], await NamesAsync(mirror));
        Assert.Empty(await mirror.CursorsAsync("c1"));
    }

    [Fact]
    public async Task After_a_restart_it_goes_on_from_where_it_was_and_gives_no_revision_twice()
    {
        long before;
        await using (var mirror = Open())
        {
            await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n1")));
            before = mirror.Revision;
        }

        await using var again = Open();
        Assert.True(again.Revision > before);
        Assert.Equal(10UL, Assert.Single(await again.CursorsAsync("c1")).Revision);
        Assert.True(await again.ApplyAsync("c1", Next(10, 11, complete: false, Pod("a", "n2"))));
        Assert.Equal(["a-c1"], await NamesAsync(again, "f spec.nodeName=n2-c1"));
    }

    [Fact]
    public async Task A_report_that_makes_no_sense_harms_no_other_that_came_with_it()
    {
        await using var mirror = Open();
        var bad = Whole(3, new ObjectChange { Namespace = "ns", Name = "x", Object = ByteString.CopyFromUtf8("{") });
        var good = Enumerable.Range(1, 20).Select(i => mirror.ApplyAsync($"c{i}", Whole(10, Pod("a", "n1")))).ToArray();
        await Assert.ThrowsAnyAsync<System.Text.Json.JsonException>(() => mirror.ApplyAsync("bad", bad));
        Assert.All(await Task.WhenAll(good), Assert.True);
        Assert.Equal(20, (await NamesAsync(mirror)).Length);
    }

    [Fact]
    public async Task An_object_is_looked_up_by_the_name_and_the_version_that_its_cluster_gave_it()
    {
        await using var mirror = Open();
        Assert.Equal(default, await mirror.LookAsync(Key("a"), "u1", Ct));
        await mirror.ApplyAsync("c1", Whole(10, Versioned("a", "u1", "70")));
        await mirror.ApplyAsync("c2", Whole(10, Versioned("a", "u9", "900")));
        Assert.Equal(new MirroredState(true, "u1", "70", false), await mirror.LookAsync(Key("a"), "u1", Ct));
        Assert.Equal(new MirroredState(true, "u1", "70", false), await mirror.LookAsync(Key("a"), "u0", Ct)); // it was never here
        Assert.Equal(new MirroredState(true, null, null, false), await mirror.LookAsync(Key("b"), "u1", Ct));
        Assert.Equal(default, await mirror.LookAsync(Key("a") with { Kind = "services" }, "u1", Ct));
        Assert.Equal(default, await mirror.LookAsync(Key("a") with { Cluster = "c3" }, "u1", Ct));
    }

    [Fact]
    public async Task An_object_of_a_name_that_is_shown_with_a_mark_is_looked_up_by_its_name()
    {
        await using var mirror = Open();
        await mirror.ApplyAsync("b-c", Whole(1, Versioned("a", "u1", "1")));
        await mirror.ApplyAsync("c", Whole(1, Versioned("a-b", "u2", "2")));
        Assert.Equal("u1", (await mirror.LookAsync(new MirroredKey("b-c", "pods", "ns", "a"), "u1", Ct)).Uid);
        Assert.Equal("u2", (await mirror.LookAsync(new MirroredKey("c", "pods", "ns", "a-b"), "u2", Ct)).Uid);
    }

    [Fact]
    public async Task That_an_object_was_here_and_is_gone_is_known_by_its_uid_also_after_a_restart()
    {
        await using (var mirror = Open())
        {
            await mirror.ApplyAsync("c1", Whole(10, Versioned("a", "u1", "70")));
            await mirror.ApplyAsync("c1", Next(10, 11, complete: false, Pod("a", null)));
            await mirror.ApplyAsync("c1", Next(11, 12, complete: false, Versioned("a", "u2", "80")));
        }

        await using var again = Open();
        Assert.Equal(new MirroredState(true, "u2", "80", true), await again.LookAsync(Key("a"), "u1", Ct));
        Assert.Equal(new MirroredState(true, "u2", "80", false), await again.LookAsync(Key("a"), "u2", Ct));
        Assert.Equal(new MirroredState(true, "u2", "80", false), await again.LookAsync(Key("a"), "u3", Ct));
        await again.ApplyAsync("c1", new Report(Whole(3)) { Epoch = 8 }); // told from the beginning, without it
        Assert.Equal(new MirroredState(true, null, null, true), await again.LookAsync(Key("a"), "u2", Ct));
    }

    [Fact]
    public async Task What_has_changed_is_told_by_the_names_at_the_clusters_when_it_can_be_looked_up()
    {
        await using var mirror = Open();
        var told = new List<string>();
        mirror.Changed += keys => told.AddRange(keys.Select(k => $"{k.Cluster} {k.Kind} {k.Namespace}/{k.Name}"));
        await mirror.ApplyAsync("c1", Whole(10, Pod("a", "n1"), Pod("b", "n1")));
        await mirror.ApplyAsync("c1", Next(10, 11, complete: false, Pod("b", "n1"))); // as it was
        await mirror.ApplyAsync("c1", Next(11, 12, complete: false, Pod("b", null)));
        await mirror.ApplyAsync("c2", Whole(1, Pod("a", "n1")));
        await mirror.RemoveAsync("c1");
        Assert.Equal(["c1 pods ns/a", "c1 pods ns/b", "c1 pods ns/b", "c2 pods ns/a", "c1 pods ns/a"], told);
    }

    [Fact]
    public async Task A_mirror_that_takes_over_from_another_counts_beyond_it_and_tells_nothing_of_what_was_before()
    {
        await using (var earlier = Open())
        {
            await earlier.ApplyAsync("c1", Whole(10, Pod("web", "n1")));
        }

        const long Turn = 1L << 50;
        _time.Advance(TimeSpan.FromHours(1));
        await using var mirror = Open(Turn);
        Assert.True(mirror.Revision >= Turn);
        Assert.Equal(10UL, Assert.Single(await mirror.CursorsAsync("c1")).Revision); // the stream goes on where it was
        Assert.Equal(["web-c1"], await NamesAsync(mirror));
        await Assert.ThrowsAsync<RevisionExpiredException>(async () => await mirror.ChangesAsync(Pods, Turn - 1, mirror.Revision, 10, Ct));
        Assert.Equal(_time.GetUtcNow(), mirror.KeptSince);
        var from = mirror.Revision;
        await mirror.ApplyAsync("c1", Next(10, 11, complete: false, Pod("web", "n2")));
        Assert.Single((await mirror.ChangesAsync(Pods, from, mirror.Revision, 10, Ct)).Rows);
        // Nor later, when what is too old has gone.
        _time.Advance(TimeSpan.FromDays(2));
        await mirror.ApplyAsync("c1", Next(11, 12, complete: false, Pod("web", "n3")));
        await mirror.ApplyAsync("c1", Next(12, 13, complete: false, Pod("web", "n4")));
        await Assert.ThrowsAsync<RevisionExpiredException>(async () => await mirror.ChangesAsync(Pods, Turn - 1, mirror.Revision, 10, Ct));
    }

    private static MirroredKey Key(string name) => new("c1", "pods", "ns", name);

    private static ObjectChange Versioned(string name, string uid, string version) => new()
    {
        Namespace = "ns",
        Name = name,
        Object = ByteString.CopyFromUtf8($$"""{"metadata":{"name":"{{name}}","namespace":"ns","uid":"{{uid}}","resourceVersion":"{{version}}"} }"""),
    };

    private static ObjectChange Pod(string name, string? node) => new()
    {
        Namespace = "ns",
        Name = name,
        Object = node is null ? ByteString.Empty : ByteString.CopyFromUtf8($$"""
            {"metadata":{"name":"{{name}}","namespace":"ns","uid":"u","resourceVersion":"5","labels":{"app":"{{name}}"} },"spec":{"nodeName":"{{node}}"},"status":{"phase":"Running"} }
            """),
    };

    private static ulong Digest(params ObjectChange[] objects) => objects.Aggregate(0UL, (sum, o) => unchecked(sum + ReportDigest.Of(o.Namespace, o.Name, o.Object.Span)));

    private static Report Whole(ulong to, params ObjectChange[] objects) => new(Next(0, to, complete: true, objects)) { Digest = Digest(objects) };

    private static Report Next(ulong from, ulong to, bool complete, params ObjectChange[] objects) => new()
    {
        Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 7, From = from, To = to, Complete = complete, Changes = { objects },
    };

    private static async Task<string[]> NamesAsync(MirrorStore mirror, params string[] terms) =>
        [.. (await mirror.ListAsync(new PageQuery(Pods, null, 0, "", "", 100) { Terms = terms }, Ct)).Rows.Select(r => r.Key.Name)];

    private MirrorStore Open(long first = 0) => MirrorStore.Open(new MirrorOptions { Directory = _folder.FullName, FirstRevision = first }, _time, NullLogger.Instance);
}
