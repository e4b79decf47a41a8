using System.Text;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Objects;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Reporting;

public sealed class ReportLagTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly ReportJournal _journal = ReportJournal.Open(null, () => 7);
    private readonly ReportStream _pods;
    private readonly ReportLag _lag;

    public ReportLagTests()
    {
        _pods = _journal.Stream("pods");
        _pods.Listed(Kinds.Pods, new HashSet<(string, string)>());
        _lag = new ReportLag([_pods], _time);
        _journal.Changed += _lag.Seen;
    }

    public void Dispose() => _journal.Dispose();

    [Fact]
    public void It_is_the_time_from_when_a_change_is_seen_until_the_follower_keeps_it()
    {
        using var follower = _lag.Enter();
        var session = Follow(follower);
        Assert.Equal(TimeSpan.FromMilliseconds(100), _lag.Now); // nothing has changed, and all is kept
        Put("a");
        _time.Advance(TimeSpan.FromSeconds(4));
        Keep(session);
        Assert.Equal(TimeSpan.FromSeconds(5), _lag.Now);
    }

    [Fact]
    public void What_is_on_its_way_counts_with_its_age_and_the_oldest_does()
    {
        using var follower = _lag.Enter();
        Follow(follower);
        var told = 0;
        _lag.Changed += () => told++;
        Put("a");
        _time.Advance(TimeSpan.FromMinutes(9));
        Put("b");
        _time.Advance(TimeSpan.FromMinutes(1));
        _lag.Look();
        Assert.Equal((TimeSpan.FromMinutes(10), 1), (_lag.Now, told));
        _lag.Look(); // in the same step
        Assert.Equal(1, told);
    }

    [Fact]
    public void Who_has_nothing_yet_has_no_lag_until_it_has_what_there_was_as_it_began()
    {
        Put("a");
        _time.Advance(TimeSpan.FromHours(5));
        using var follower = _lag.Enter();
        var session = new ReportSession([_pods], follower);
        session.Take(new ReportRequest { Follow = new Follow { WindowBytes = 65536 } });
        Assert.Null(_lag.Now);
        Keep(session);
        Assert.Equal(TimeSpan.FromMilliseconds(100), _lag.Now);
    }

    [Fact]
    public void Who_was_away_for_an_hour_was_an_hour_behind_and_is_so_no_more_minutes_later()
    {
        ReportSession session;
        using (var before = _lag.Enter())
        {
            session = Follow(before);
        }

        Assert.Null(_lag.Now); // nobody follows
        var cursor = _pods.Head;
        Put("a");
        _time.Advance(TimeSpan.FromHours(1));
        using var follower = _lag.Enter();
        session = new ReportSession([_pods], follower);
        session.Take(new ReportRequest { Follow = new Follow { WindowBytes = 65536, Cursors = { cursor } } });
        Assert.Equal(TimeSpan.FromHours(1), _lag.Now);
        Keep(session);
        for (var minute = 0; minute < 3; minute++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            Put("a" + minute);
            _time.Advance(TimeSpan.FromMilliseconds(150));
            Keep(session);
        }

        Assert.Equal(TimeSpan.FromMilliseconds(200), _lag.Now);
    }

    [Fact]
    public void While_nothing_changes_it_goes_down_to_nothing_and_that_is_told()
    {
        using var follower = _lag.Enter();
        var session = Follow(follower);
        Put("a");
        _time.Advance(TimeSpan.FromSeconds(50));
        Keep(session);
        _lag.Look();
        Assert.Equal(TimeSpan.FromMinutes(1), _lag.Now);
        var told = 0;
        _lag.Changed += () => told++;
        _time.Advance(TimeSpan.FromMinutes(2));
        _lag.Look();
        Assert.Equal((TimeSpan.FromMilliseconds(100), 1), (_lag.Now, told));
        Put("b");
        _time.Advance(TimeSpan.FromSeconds(3));
        Keep(session);
        Assert.Equal(TimeSpan.FromSeconds(5), _lag.Now); // and what comes then counts alone
    }

    [Fact]
    public void The_one_that_is_farthest_behind_counts()
    {
        using var slow = _lag.Enter();
        using var quick = _lag.Enter();
        Follow(slow);
        var session = Follow(quick);
        Put("a");
        _time.Advance(TimeSpan.FromSeconds(1));
        Keep(session);
        _time.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal(TimeSpan.FromSeconds(20), _lag.Now);
    }

    [Fact]
    public void However_many_changes_wait_none_seems_younger_than_it_is()
    {
        using var follower = _lag.Enter();
        var session = Follow(follower);
        for (var i = 0; i < 5000; i++)
        {
            Put("o" + i);
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.Equal(TimeSpan.FromMinutes(10), _lag.Now); // 500 s
        Assert.True(session.TryNext(out var first));
        session.Take(Kept(first));
        var left = TimeSpan.FromMilliseconds(100 * (5000 - first.Changes.Count));
        Assert.InRange(_lag.Now!.Value, left, TimeSpan.FromMinutes(10));
    }

    private ReportSession Follow(ReportLag.Follower follower)
    {
        var session = new ReportSession([_pods], follower);
        session.Take(new ReportRequest { Follow = new Follow { WindowBytes = 65536, Cursors = { _pods.Head } } });
        return session;
    }

    private static void Keep(ReportSession session)
    {
        while (session.TryNext(out var report))
        {
            session.Take(Kept(report));
        }
    }

    private static ReportRequest Kept(Report report) => new() { Kept = new StreamCursor { Kind = report.Kind, Epoch = report.Epoch, Revision = report.To } };

    private void Put(string name) => _pods.Apply([new ReportedObject("ns", name, Encoding.UTF8.GetBytes($$"""{"v":"{{name}}"}"""))]);
}
