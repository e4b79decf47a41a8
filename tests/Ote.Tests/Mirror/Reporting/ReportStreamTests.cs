using System.Text;
using Ote.Kube.Objects;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Reporting;

public sealed class ReportStreamTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ote-reports-");
    private ulong _epochs;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_follower_hears_of_each_object_its_newest_state_in_the_order_of_changes()
    {
        using var journal = Open();
        var pods = journal.Stream("pods");
        pods.Apply([Is("a", "1"), Is("b", "1")]);
        pods.Apply([Is("a", "2")]);
        List(pods, "a", "b");

        var (told, cursor) = All(pods, null);
        Assert.Equal(["b=1", "a=2"], told);
        Assert.Empty(All(pods, cursor).Told);
        pods.Apply([Is("b", "2"), Is("a", "2")]); // a is as it was
        Assert.Equal(["b=2"], All(pods, cursor).Told);
    }

    [Fact]
    public void What_went_is_told_to_who_may_have_it_and_not_to_who_begins()
    {
        using var journal = Open();
        var pods = journal.Stream("pods");
        pods.Apply([Is("a", "1"), Is("b", "1")]);
        List(pods, "a", "b");
        var (_, cursor) = All(pods, null);
        pods.Apply([Gone("a"), Gone("never")]);
        Assert.Equal(["a gone"], All(pods, cursor).Told);
        Assert.Equal(["b=1"], All(pods, null).Told);
    }

    [Fact]
    public void What_a_list_does_not_have_any_more_is_gone()
    {
        using var journal = Open();
        var pods = journal.Stream("pods");
        pods.Apply([Is("a", "1"), Is("b", "1")]);
        List(pods, "a", "b");
        var (_, cursor) = All(pods, null);
        List(pods, "b");
        Assert.Equal(["a gone"], All(pods, cursor).Told);
    }

    [Fact]
    public void Before_the_first_list_nothing_is_complete_so_that_nobody_takes_what_is_missing_for_gone()
    {
        using var journal = Open();
        var pods = journal.Stream("pods");
        pods.Apply([Is("a", "1")]);
        var whole = 0UL;
        Assert.False(pods.Read(null, ref whole, 1000)!.Complete);
        List(pods, "a");
        whole = 0;
        var report = pods.Read(null, ref whole, 1000)!;
        Assert.True(report.Complete);
        Assert.Equal(ReportDigest.Of("ns", "a", Json("1")), report.Digest);
        Assert.Equal(("v1", "Pod", true), (report.ApiVersion, report.ObjectKind, report.Namespaced));
    }

    [Fact]
    public void What_the_objects_are_is_told_with_the_first_of_them_and_when_it_is_another()
    {
        using var journal = Open();
        var widgets = journal.Stream("widgets.example.com");
        var v1 = new ResourceRef("example.com", "v1", "widgets", "Widget", true);
        widgets.Describe(v1, "{\"a\":1}");
        widgets.Apply([Is("a", "1")]);
        Assert.Equal(("example.com/v1 Widget", "{\"a\":1}", false), Read(null, out var cursor)); // before all were listed
        widgets.Listed(v1, new HashSet<(string, string)> { ("ns", "a") });
        Assert.Equal(("example.com/v1 Widget", "", true), Read(cursor, out cursor)); // as it was
        widgets.Describe(v1, "{\"a\":1}");
        var whole = 0UL;
        Assert.Null(widgets.Read(cursor, ref whole, 1000));
        widgets.Describe(v1 with { Version = "v2" }, "{\"a\":2}");
        Assert.Equal(("example.com/v2 Widget", "{\"a\":2}", true), Read(cursor, out cursor));
        widgets.Listed(null, new HashSet<(string, string)>());
        Assert.Equal((" ", "", true), Read(cursor, out _)); // there is no such kind any more

        (string, string, bool) Read(StreamCursor? after, out StreamCursor next)
        {
            var begun = 0UL;
            var report = widgets.Read(after, ref begun, 1000)!;
            next = new StreamCursor { Kind = report.Kind, Epoch = report.Epoch, Revision = report.To };
            return ($"{report.ApiVersion} {report.ObjectKind}", report.Definition.ToStringUtf8(), report.Complete);
        }
    }

    [Fact]
    public void After_a_restart_a_follower_hears_what_changed_and_nothing_else()
    {
        StreamCursor cursor;
        using (var journal = Open())
        {
            var pods = journal.Stream("pods");
            pods.Apply([Is("a", "1"), Is("b", "1"), Is("c", "1")]);
            List(pods, "a", "b", "c");
            cursor = All(pods, null).Cursor;
        }

        using var again = Open();
        var later = again.Stream("pods");
        later.Apply([Is("a", "1"), Is("b", "2")]); // as the next process lists them
        List(later, "a", "b");
        Assert.Equal(["b=2", "c gone"], All(later, cursor).Told);
    }

    [Fact]
    [Trait("Defect", "M9")]
    public void A_cursor_of_another_epoch_or_of_revisions_that_never_were_begins_anew()
    {
        using var journal = Open();
        var pods = journal.Stream("pods");
        pods.Apply([Is("a", "1")]);
        List(pods, "a");
        var head = pods.Head;
        foreach (var foreign in new[] { new StreamCursor { Epoch = head.Epoch + 1, Revision = head.Revision }, new StreamCursor { Epoch = head.Epoch, Revision = head.Revision + 1 } })
        {
            var whole = 0UL;
            Assert.Equal(0UL, pods.Read(foreign, ref whole, 1000)!.From);
        }
    }

    [Fact]
    public void Who_missed_more_than_is_remembered_of_what_went_is_told_everything()
    {
        using var journal = Open();
        var pods = journal.Stream("pods");
        pods.Apply([.. Enumerable.Range(0, ReportStream.MostGone + 2).Select(i => Is($"p{i}", "1")), Is("stays", "1")]);
        pods.Listed(Kinds.Pods, Enumerable.Range(0, ReportStream.MostGone + 2).Select(i => ("ns", $"p{i}")).Append(("ns", "stays")).ToHashSet());
        var (_, cursor) = All(pods, null);
        pods.Apply([.. Enumerable.Range(0, ReportStream.MostGone + 2).Select(i => Gone($"p{i}"))]);

        var whole = 0UL;
        var report = pods.Read(cursor, ref whole, 1000)!;
        Assert.Equal(0UL, report.From);
        Assert.Equal("stays", Assert.Single(report.Changes).Name);
        Assert.True(report.Complete);
    }

    [Fact]
    public void A_part_is_no_larger_than_asked_and_the_next_goes_on_behind_it()
    {
        using var journal = Open();
        var pods = journal.Stream("pods");
        pods.Apply([.. Enumerable.Range(0, 10).Select(i => Is($"p{i}", new string('x', 90)))]);
        pods.Listed(Kinds.Pods, Enumerable.Range(0, 10).Select(i => ("ns", $"p{i}")).ToHashSet());
        var (whole, cursor, parts, objects) = (0UL, (StreamCursor?)null, 0, 0);
        while (pods.Read(cursor, ref whole, 400) is { } report)
        {
            Assert.True(report.Changes.Sum(c => c.Object.Length) <= 400);
            (parts, objects) = (parts + 1, objects + report.Changes.Count);
            cursor = new StreamCursor { Epoch = report.Epoch, Revision = report.To };
        }

        Assert.Equal((3, 10), (parts, objects));
    }

    [Fact]
    public void A_journal_that_cannot_be_read_is_begun_anew_under_another_epoch_and_says_so()
    {
        ulong epoch;
        using (var journal = Open())
        {
            epoch = journal.Stream("pods").Head.Epoch;
        }

        File.WriteAllText(Path.Combine(_folder.FullName, "reports.db"), "this is no database at all, whatever SQLite says");
        string? why = null;
        using var again = ReportJournal.Open(_folder.FullName, () => 1000, text => why = text);
        Assert.NotEqual(epoch, again.Stream("pods").Head.Epoch);
        Assert.Contains("reports.db", why, StringComparison.Ordinal);
    }

    private static byte[] Json(string value) => Encoding.UTF8.GetBytes($$"""{"v":"{{value}}"}""");

    private static ReportedObject Is(string name, string value) => new("ns", name, Json(value));

    private static ReportedObject Gone(string name) => new("ns", name, default);

    private static void List(ReportStream stream, params string[] names) => stream.Listed(Kinds.Pods, names.Select(n => ("ns", n)).ToHashSet());

    private static (string[] Told, StreamCursor Cursor) All(ReportStream stream, StreamCursor? cursor)
    {
        var told = new List<string>();
        var whole = 0UL;
        while (stream.Read(cursor, ref whole, 1000) is { } report)
        {
            told.AddRange(report.Changes.Select(c => c.Object.IsEmpty ? $"{c.Name} gone" : $"{c.Name}={c.Object.ToStringUtf8()[6..^2]}"));
            cursor = new StreamCursor { Kind = report.Kind, Epoch = report.Epoch, Revision = report.To };
        }

        return ([.. told], cursor!);
    }

    private ReportJournal Open() => ReportJournal.Open(_folder.FullName, () => ++_epochs);
}
