using System.Text;
using Ote.Kube.Objects;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Reporting;

public sealed class ReportSessionTests : IDisposable
{
    private readonly ReportJournal _journal = ReportJournal.Open(null, () => 7);

    public void Dispose() => _journal.Dispose();

    [Fact]
    public void Nothing_is_told_before_somebody_follows()
    {
        var session = new ReportSession([Filled("pods", 1)]);
        Assert.False(session.TryNext(out _));
        session.Take(Begin(4096));
        Assert.True(session.TryNext(out _));
    }

    [Fact]
    public void No_more_than_the_window_is_on_its_way_and_what_is_kept_makes_room()
    {
        var session = new ReportSession([Filled("pods", 10), Filled("services", 10)]);
        session.Take(Begin(1024)); // the first report of 10 objects fills it
        Assert.True(session.TryNext(out var first));
        Assert.False(session.TryNext(out _));
        session.Take(new ReportRequest { Kept = new StreamCursor { Kind = "other", Epoch = first.Epoch, Revision = first.To } });
        Assert.False(session.TryNext(out _));
        session.Take(new ReportRequest { Kept = new StreamCursor { Kind = first.Kind, Epoch = first.Epoch, Revision = first.To } });
        Assert.True(session.TryNext(out var second));
        Assert.NotEqual(first.Kind, second.Kind); // streams take turns
    }

    [Fact]
    public void Who_follows_anew_is_told_from_where_it_says_whatever_was_on_its_way()
    {
        var pods = Filled("pods", 3);
        var session = new ReportSession([pods]);
        session.Take(Begin(1024));
        Assert.True(session.TryNext(out _));
        session.Take(Begin(1024));
        Assert.True(session.TryNext(out var again));
        Assert.Equal(3, again.Changes.Count);
        session.Take(new ReportRequest { Follow = new Follow { WindowBytes = 1024, Cursors = { pods.Head } } });
        Assert.False(session.TryNext(out _));
    }

    [Fact]
    public void What_changes_before_the_last_is_kept_goes_together_afterwards()
    {
        var pods = Filled("pods", 1);
        var services = Filled("services", 1);
        var session = new ReportSession([pods, services]);
        session.Take(new ReportRequest { Follow = new Follow { WindowBytes = 1 << 20, Cursors = { pods.Head, services.Head } } });
        Assert.Equal(["first"], Told(session, pods, "first"));
        Assert.Empty(Told(session, pods, "second"));
        Assert.Empty(Told(session, pods, "third", "fourth"));
        Assert.Equal(["other"], Told(session, services, "other")); // other streams do not wait for it
        session.Take(new ReportRequest { Kept = new StreamCursor { Kind = "pods", Epoch = 7, Revision = pods.Head.Revision - 3 } });
        Assert.Equal(["second", "third", "fourth"], Told(session, pods));
        session.Take(new ReportRequest { Kept = new StreamCursor { Kind = "pods", Epoch = 7, Revision = pods.Head.Revision - 1 } }); // a part of it is not all
        Assert.Empty(Told(session, pods, "fifth"));
    }

    [Fact]
    public void Of_much_the_parts_follow_one_another_within_the_window_without_waiting()
    {
        var pods = _journal.Stream("pods");
        pods.Apply([.. Enumerable.Range(0, 5).Select(i => new ReportedObject("ns", $"o{i}", Encoding.UTF8.GetBytes($$"""{"v":"{{new string('x', ReportSession.PartBytes / 2)}}"}""")))]);
        var session = new ReportSession([pods]);
        session.Take(Begin(1 << 20));
        var told = new List<Report>();
        while (session.TryNext(out var report))
        {
            told.Add(report);
        }

        Assert.Equal(5, told.Sum(r => r.Changes.Count));
        Assert.True(told.Count > 1);
    }

    [Fact]
    public void Who_has_a_stream_that_there_is_no_more_is_told_so_once()
    {
        var pods = Filled("pods", 1);
        var session = new ReportSession([pods]);
        var had = new StreamCursor { Kind = "widgets.example.com", Epoch = 3, Revision = 9 };
        session.Take(new ReportRequest { Follow = new Follow { WindowBytes = 1024, Cursors = { pods.Head, had } } });
        Assert.True(session.TryNext(out var end));
        Assert.Equal(("widgets.example.com", true, true, 0UL, 0UL, 0), (end.Kind, end.Ended, end.Complete, end.From, end.Digest, end.Changes.Count));
        Assert.False(session.TryNext(out _));
        session.Take(new ReportRequest { Kept = new StreamCursor { Kind = end.Kind, Epoch = end.Epoch, Revision = end.To } });
        Assert.False(session.TryNext(out _));
    }

    /// <summary>The names that are told once these have changed.</summary>
    private static string[] Told(ReportSession session, ReportStream stream, params string[] changed)
    {
        foreach (var name in changed)
        {
            stream.Apply([new ReportedObject("ns", name, "{}"u8.ToArray())]);
        }

        return session.TryNext(out var report) ? [.. report.Changes.Select(c => c.Name)] : [];
    }

    private static ReportRequest Begin(uint window) => new() { Follow = new Follow { WindowBytes = window } };

    private ReportStream Filled(string kind, int objects)
    {
        var stream = _journal.Stream(kind);
        stream.Apply([.. Enumerable.Range(0, objects).Select(i => new ReportedObject("ns", $"o{i}", Encoding.UTF8.GetBytes($$"""{"v":"{{new string('x', 120)}}"}""")))]);
        stream.Listed(Kinds.Pods, Enumerable.Range(0, objects).Select(i => ("ns", $"o{i}")).ToHashSet());
        return stream;
    }
}
