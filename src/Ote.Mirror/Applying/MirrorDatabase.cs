using Microsoft.Data.Sqlite;
using Ote.Kube.Server.Store;

namespace Ote.Mirror.Applying;

/// <summary>
/// The mirror's SQLite file. Whatever is in it was told by clusters and can be told again, so it need not survive the loss of power to the last transaction:
/// streams and objects go on together from wherever it stands.
/// </summary>
internal sealed class MirrorDatabase : IDisposable
{
    public const string FileName = "mirror.db";

    private const string Layout = """
        CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS clusters (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uid TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS kinds (id INTEGER PRIMARY KEY, stream TEXT NOT NULL UNIQUE, api_version TEXT NOT NULL, kind TEXT NOT NULL, namespaced INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS streams (cluster INTEGER NOT NULL, kind INTEGER NOT NULL, epoch INTEGER NOT NULL, revision INTEGER NOT NULL, digest INTEGER NOT NULL,
            pass INTEGER NOT NULL, passing INTEGER NOT NULL, form INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (cluster, kind)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS forms (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, api_version TEXT NOT NULL, object_kind TEXT NOT NULL, namespaced INTEGER NOT NULL, definition TEXT NOT NULL,
            UNIQUE (kind, api_version, object_kind, namespaced, definition));
        CREATE TABLE IF NOT EXISTS objects (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, cluster INTEGER NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, shown TEXT NOT NULL,
            revision INTEGER NOT NULL, since INTEGER NOT NULL, pass INTEGER NOT NULL, mark INTEGER NOT NULL, value BLOB NOT NULL, terms INTEGER NOT NULL DEFAULT 0);
        CREATE UNIQUE INDEX IF NOT EXISTS by_cluster ON objects (kind, cluster, ns, shown);
        CREATE UNIQUE INDEX IF NOT EXISTS by_shown ON objects (kind, ns, shown);
        CREATE INDEX IF NOT EXISTS by_revision ON objects (revision);
        CREATE TABLE IF NOT EXISTS terms (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (kind, text));
        CREATE TABLE IF NOT EXISTS found (term INTEGER NOT NULL, object INTEGER NOT NULL, PRIMARY KEY (term, object)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS history (ended INTEGER PRIMARY KEY, kind INTEGER NOT NULL, cluster INTEGER NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, shown TEXT NOT NULL,
            began INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, gone INTEGER NOT NULL, value BLOB NOT NULL);
        CREATE INDEX IF NOT EXISTS gone_by_cluster ON history (kind, cluster, ns, name, ended) WHERE gone=1;
        CREATE INDEX IF NOT EXISTS gone_by_shown ON history (kind, ns, shown, until) WHERE gone=1;
        CREATE TABLE IF NOT EXISTS turns (cluster INTEGER PRIMARY KEY, start INTEGER NOT NULL, span INTEGER NOT NULL, since INTEGER);
        INSERT INTO meta VALUES ('format', 1) ON CONFLICT DO NOTHING;
        INSERT INTO meta VALUES ('revision', 1) ON CONFLICT DO NOTHING;
        INSERT INTO meta VALUES ('forgotten', 0) ON CONFLICT DO NOTHING;
        INSERT INTO meta VALUES ('history', 0) ON CONFLICT DO NOTHING;
        """;

    private readonly string? _file;
    private readonly int _cacheKiB;
    private readonly SemaphoreSlim _readers;
    private readonly Stack<Session> _idle = new();
    private readonly Lock _gate = new();

    /// <summary>Opens the file of a folder, which must be the owner's alone; null: in memory, where who reads and who writes take turns.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="firstRevision">The least revision from now on, before which no change is told; 0: as the file has it.</param>
    /// <param name="cacheKiB">Memory for pages of the writer; each reader has a quarter.</param>
    /// <param name="readers">Most reads at a time.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public MirrorDatabase(string? directory, long firstRevision = 0, int cacheKiB = 32 * 1024, int readers = 4)
    {
        _file = directory is null ? null : Path.Combine(directory, FileName);
        _cacheKiB = cacheKiB;
        _readers = new SemaphoreSlim(directory is null ? 1 : readers);
        try
        {
            if (_file is not null && !File.Exists(_file))
            {
                File.Open(_file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
            }

            Writer = Open(cacheKiB);
            Writer.Execute("BEGIN IMMEDIATE;" + Layout + "COMMIT");
            if (firstRevision > 0)
            {
                Writer.Prepare("UPDATE meta SET value=MAX(value, $1) WHERE key='revision'", firstRevision).ExecuteNonQuery();
                Writer.Execute("UPDATE meta SET value=(SELECT value FROM meta WHERE key='revision') WHERE key='forgotten'");
            }
            else
            {
                // Revisions whose transaction may have been lost are given to nothing else: of each turn of a cluster there are as many as rows.
                Writer.Execute("UPDATE meta SET value=value+4294967296 WHERE key='revision'");
            }

            if (Writer.Scalar("SELECT COUNT(*) FROM pragma_table_info('objects') WHERE name='terms'") == 0)
            {
                Writer.Execute("ALTER TABLE objects ADD COLUMN terms INTEGER NOT NULL DEFAULT 0"); // of a former build
            }

            if (Writer.Scalar("SELECT COUNT(*) FROM pragma_table_info('streams') WHERE name='form'") == 0)
            {
                // Of a former build, which did not note what each cluster's objects are: of kinds that are not built in they are told once more, and what is as it was stays as it is.
                var usual = string.Join(',', Reporting.ReportedKinds.Default.Select(k => $"'{k.Stream}'"));
                Writer.Execute($"ALTER TABLE streams ADD COLUMN form INTEGER NOT NULL DEFAULT 0; UPDATE streams SET epoch=0, revision=0 WHERE kind IN (SELECT id FROM kinds WHERE stream NOT IN ({usual}))");
            }
        }
        catch (SqliteException broken)
        {
            Dispose();
            throw new IOException($"the mirror {_file} cannot be opened: {broken.Message}. Free space; if it is damaged, remove it: clusters tell all of it again.", broken);
        }
    }

    /// <summary>The connection that writes; for one task, between <see cref="EnterWriterAsync"/> and <see cref="LeaveWriter"/>.</summary>
    public Session Writer { get; } = null!;

    public async ValueTask EnterWriterAsync()
    {
        if (_file is null)
        {
            await _readers.WaitAsync().ConfigureAwait(false);
        }
    }

    public void LeaveWriter()
    {
        if (_file is null)
        {
            _readers.Release();
        }
    }

    /// <summary>Runs a short read.</summary>
    public async ValueTask<T> ReadAsync<T, TArgument>(Func<Session, TArgument, T> read, TArgument argument, CancellationToken cancellation)
    {
        await _readers.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_file is null)
            {
                return read(Writer, argument);
            }

            Session? session;
            lock (_gate)
            {
                _idle.TryPop(out session);
            }

            session ??= Open(_cacheKiB / 4);
            try
            {
                return read(session, argument);
            }
            finally
            {
                lock (_gate)
                {
                    _idle.Push(session);
                }
            }
        }
        finally
        {
            _readers.Release();
        }
    }

    public void Dispose()
    {
        Writer?.Dispose();
        while (_idle.TryPop(out var session))
        {
            session.Dispose();
        }

        _readers.Dispose();
    }

    private Session Open(int cacheKiB)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _file ?? ":memory:", Pooling = false }.ToString());
        var session = new Session(connection, _file ?? "in memory");
        try
        {
            connection.Open();
            Tune(session, cacheKiB);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private void Tune(Session session, int cacheKiB)
    {
        session.Execute(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"PRAGMA cache_size=-{cacheKiB}; PRAGMA busy_timeout=10000; PRAGMA temp_store=MEMORY;"));
        if (_file is not null)
        {
            session.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864;");
        }
    }
}
