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

    private static ReportRequest Begin(uint window) => new() { Follow = new Follow { WindowBytes = window } };

    private ReportStream Filled(string kind, int objects)
    {
        var stream = _journal.Stream(kind);
        stream.Apply([.. Enumerable.Range(0, objects).Select(i => new ReportedObject("ns", $"o{i}", Encoding.UTF8.GetBytes($$"""{"v":"{{new string('x', 120)}}"}""")))]);
        stream.Listed(Kinds.Pods, Enumerable.Range(0, objects).Select(i => ("ns", $"o{i}")).ToHashSet());
        return stream;
    }
}
