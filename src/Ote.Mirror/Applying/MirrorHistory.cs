using Ote.Kube.Server.Store;

namespace Ote.Mirror.Applying;

/// <summary>Keeps the former states within their bounds. Used by the writer's task, outside transactions.</summary>
internal sealed class MirrorHistory(Session session, MirrorOptions options, TimeProvider time)
{
    private const int RowsAtOnce = 5_000;

    /// <summary>Drops what is too old or too much, a bounded number of rows a call.</summary>
    public void Prune()
    {
        var before = time.GetUtcNow().ToUnixTimeMilliseconds() - (long)options.HistoryKept.TotalMilliseconds;
        var last = session.Scalar("SELECT max(ended) FROM (SELECT ended FROM history WHERE until<$1 ORDER BY ended LIMIT $2)", before, RowsAtOnce);
        if (last == 0 && session.Scalar("SELECT coalesce(sum(length(value)), 0) FROM history") > options.HistoryBytes)
        {
            last = session.Scalar("SELECT max(ended) FROM (SELECT ended FROM history ORDER BY ended LIMIT $1)", RowsAtOnce);
        }

        if (last > 0)
        {
            session.Prepare("BEGIN IMMEDIATE").ExecuteNonQuery();
            session.Prepare("DELETE FROM history WHERE ended<=$1", last).ExecuteNonQuery();
            session.Prepare("UPDATE meta SET value=$1 WHERE key='forgotten'", last).ExecuteNonQuery();
            session.Prepare("COMMIT").ExecuteNonQuery();
        }
    }
}
