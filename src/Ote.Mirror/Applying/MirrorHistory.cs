using Ote.Kube.Server.Store;

namespace Ote.Mirror.Applying;

/// <summary>Keeps the former states within their bounds. Used by the writer's task.</summary>
internal sealed class MirrorHistory
{
    private const int RowsAtOnce = 5_000;
    private readonly Session _session;
    private readonly MirrorOptions _options;
    private readonly TimeProvider _time;
    private long _bytes;
    private long _horizon;

    public MirrorHistory(Session session, MirrorOptions options, TimeProvider time)
    {
        (_session, _options, _time) = (session, options, time);
        // Of what was before the mirror was, or before it noted since when it is, it can tell nothing.
        session.Prepare("INSERT INTO meta VALUES ('horizon', $1) ON CONFLICT DO NOTHING", time.GetUtcNow().ToUnixTimeMilliseconds()).ExecuteNonQuery();
        if (options.FirstRevision > 0)
        {
            session.Prepare("UPDATE meta SET value=MAX(value, $1) WHERE key='horizon'", time.GetUtcNow().ToUnixTimeMilliseconds()).ExecuteNonQuery(); // others mirrored meanwhile
        }

        Forget();
    }

    /// <summary>The earliest moment of which all states are kept. Called from any thread.</summary>
    public DateTimeOffset KeptSince
    {
        get
        {
            var (kept, oldest) = (DateTimeOffset.FromUnixTimeMilliseconds(Volatile.Read(ref _horizon)), _time.GetUtcNow() - _options.HistoryKept);
            return kept > oldest ? kept : oldest;
        }
    }

    /// <summary>A former state was added, of so many bytes; inside a transaction.</summary>
    public void Added(int bytes) => _bytes += bytes;

    /// <summary>Before a transaction is committed.</summary>
    public void Finish() => _session.Prepare("UPDATE meta SET value=$1 WHERE key='history'", _bytes).ExecuteNonQuery();

    /// <summary>A transaction was taken back.</summary>
    public void Forget()
    {
        _bytes = _session.Scalar("SELECT value FROM meta WHERE key='history'");
        Volatile.Write(ref _horizon, _session.Scalar("SELECT value FROM meta WHERE key='horizon'"));
    }

    /// <summary>Drops what is too old or too much, a bounded number of rows a call; outside transactions.</summary>
    public void Prune()
    {
        var before = _time.GetUtcNow().ToUnixTimeMilliseconds() - (long)_options.HistoryKept.TotalMilliseconds;
        var oldest = _session.Scalar("SELECT until FROM history ORDER BY ended LIMIT 1");
        if (oldest == 0 || (oldest >= before && _bytes <= _options.HistoryBytes))
        {
            return;
        }

        // Of the oldest, those that are too old; all of them, when it is their bytes that are too many.
        var last = _session.Scalar("SELECT max(ended) FROM (SELECT ended, until FROM history ORDER BY ended LIMIT $1+0) WHERE until<$2", RowsAtOnce, _bytes > _options.HistoryBytes ? long.MaxValue : before);
        _session.Prepare("BEGIN IMMEDIATE").ExecuteNonQuery();
        _bytes -= _session.Scalar("SELECT coalesce(sum(length(value)), 0) FROM history WHERE ended<=$1", last);
        // What ended with them can be told no more as of a moment before.
        var horizon = Math.Max(_horizon, _session.Scalar("SELECT max(until) FROM history WHERE ended<=$1", last));
        _session.Prepare("DELETE FROM history WHERE ended<=$1", last).ExecuteNonQuery();
        _session.Prepare("UPDATE meta SET value=$1 WHERE key='horizon'", horizon).ExecuteNonQuery();
        _session.Prepare("UPDATE meta SET value=MAX(value, $1) WHERE key='forgotten'", last).ExecuteNonQuery();
        Finish();
        _session.Prepare("COMMIT").ExecuteNonQuery();
        Volatile.Write(ref _horizon, horizon);
    }
}
