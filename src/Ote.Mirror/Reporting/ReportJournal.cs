using Microsoft.Data.Sqlite;
using Ote.Kube.Server.Store;

namespace Ote.Mirror.Reporting;

/// <summary>
/// What a cluster has to report, on its disk: of each kind the newest state of each object under a revision of our own, and of those that went,
/// that they did. Whoever knows how far a follower has come can tell it the rest, whatever happened in between and whichever process
/// ran then. It can be lost: it is made anew from the cluster, and followers begin anew too. Thread-safe.
/// </summary>
public sealed class ReportJournal : IDisposable
{
    private const string FileName = "reports.db";

    /// <summary>
    /// Where revisions go on after a start. What the last process wrote last may not have reached the disk when the machine lost its power: its revisions are
    /// not given to anything else. SQLite's rule for <c>synchronous=NORMAL</c> in WAL mode: the file stays whole, and last transactions may be missing.
    /// </summary>
    private const long Leap = 1 << 20;

    private const string Layout = """
        CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS streams (id INTEGER PRIMARY KEY, kind TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL, head INTEGER NOT NULL, floor INTEGER NOT NULL,
            digest INTEGER NOT NULL, listed INTEGER NOT NULL, gone INTEGER NOT NULL, api_version TEXT NOT NULL, object_kind TEXT NOT NULL, namespaced INTEGER NOT NULL,
            definition TEXT NOT NULL DEFAULT '', described INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE IF NOT EXISTS objects (stream INTEGER NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, mark INTEGER NOT NULL, value BLOB);
        CREATE UNIQUE INDEX IF NOT EXISTS by_key ON objects (stream, ns, name);
        CREATE UNIQUE INDEX IF NOT EXISTS by_revision ON objects (stream, revision);
        INSERT INTO meta VALUES ('format', 1) ON CONFLICT DO NOTHING;
        """;

    private readonly Dictionary<string, ReportStream> _streams = new(StringComparer.Ordinal);
    private readonly Func<ulong> _newEpoch;

    private ReportJournal(Session session, Func<ulong> newEpoch) => (Session, _newEpoch) = (session, newEpoch);

    /// <summary>Something may be told that could not be before. Raised on the thread that brought it, outside the lock: queue, do not work.</summary>
    public event Action? Changed;

    /// <summary>Held while <see cref="Session"/> is used.</summary>
    internal Lock Gate { get; } = new();

    internal Session Session { get; }

    /// <summary>Opens the journal of a folder, or begins one where there is none that can be read.</summary>
    /// <param name="directory">The folder; it must exist and be the owner's alone. Null: in memory.</param>
    /// <param name="newEpoch">Random numbers, never 0.</param>
    /// <param name="discarded">Told why what was there is not used.</param>
    /// <exception cref="IOException">It can neither be read nor made.</exception>
    public static ReportJournal Open(string? directory, Func<ulong> newEpoch, Action<string>? discarded = null)
    {
        ArgumentNullException.ThrowIfNull(newEpoch);
        var file = directory is null ? null : Path.Combine(directory, FileName);
        try
        {
            return Begin(file, newEpoch);
        }
        catch (SqliteException broken) when (file is not null && broken.SqliteErrorCode is 11 or 26 or 1)
        {
            discarded?.Invoke($"{file}: {broken.Message}");
        }
        catch (SqliteException refused)
        {
            throw new IOException($"the reports' journal {file} cannot be opened: {refused.Message}. Free space, or choose another folder.", refused);
        }

        foreach (var part in new[] { "", "-wal", "-shm" })
        {
            File.Delete(file + part);
        }

        try
        {
            return Begin(file, newEpoch);
        }
        catch (SqliteException again)
        {
            throw new IOException($"the reports' journal {file} cannot be made: {again.Message}. Free space, or choose another folder.", again);
        }
    }

    /// <summary>The stream of a kind, made when there is none yet.</summary>
    public ReportStream Stream(string kind)
    {
        lock (Gate)
        {
            if (!_streams.TryGetValue(kind, out var stream))
            {
                Session.Prepare(
                    "INSERT INTO streams (kind, epoch, head, floor, digest, listed, gone, api_version, object_kind, namespaced) VALUES ($1, $2, 0, 0, 0, 0, 0, '', '', 0) ON CONFLICT DO NOTHING",
                    kind, unchecked((long)_newEpoch())).ExecuteNonQuery();
                _streams[kind] = stream = ReportStream.Load(this, kind);
            }

            return stream;
        }
    }

    /// <summary>Forgets the streams of all other kinds.</summary>
    public void Keep(IReadOnlyCollection<string> kinds)
    {
        ArgumentNullException.ThrowIfNull(kinds);
        lock (Gate)
        {
            var others = new List<(long Id, string Kind)>();
            using (var reader = Session.Prepare("SELECT id, kind FROM streams").ExecuteReader())
            {
                while (reader.Read())
                {
                    if (!kinds.Contains(reader.GetString(1)))
                    {
                        others.Add((reader.GetInt64(0), reader.GetString(1)));
                    }
                }
            }

            foreach (var (id, kind) in others)
            {
                _streams.Remove(kind);
                Session.Prepare("DELETE FROM objects WHERE stream=$1", id).ExecuteNonQuery();
                Session.Prepare("DELETE FROM streams WHERE id=$1", id).ExecuteNonQuery();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Gate)
        {
            Session.Dispose();
        }
    }

    internal void Tell() => Changed?.Invoke();

    private static ReportJournal Begin(string? file, Func<ulong> newEpoch)
    {
        if (file is not null && !File.Exists(file))
        {
            File.Open(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
        }

        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file ?? ":memory:", Pooling = false }.ToString());
        var session = new Session(connection, file ?? "in memory");
        try
        {
            connection.Open();
            session.Execute("PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=4194304;" + (file is null ? "" : "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"));
            session.Execute("BEGIN IMMEDIATE;" + Layout + string.Create(System.Globalization.CultureInfo.InvariantCulture, $"UPDATE streams SET head=head+{Leap};COMMIT"));
            if (session.Scalar("SELECT COUNT(*) FROM pragma_table_info('streams') WHERE name='described'") == 0)
            {
                session.Execute("ALTER TABLE streams ADD COLUMN definition TEXT NOT NULL DEFAULT ''; ALTER TABLE streams ADD COLUMN described INTEGER NOT NULL DEFAULT 0"); // of a former build
            }

            return new ReportJournal(session, newEpoch);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }
}
