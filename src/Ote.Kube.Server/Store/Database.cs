using Microsoft.Data.Sqlite;

namespace Ote.Kube.Server.Store;

/// <summary>
/// The SQLite file: one log table in kine's manner. The row id is the resourceVersion; <c>until</c> is the id of the row
/// that replaced this one (its own id for a deletion), so a row with no <c>until</c> is a current object and rows as they
/// stood at revision R are those with <c>id &lt;= R</c> and <c>until</c> absent or beyond R. The partial unique index over
/// current rows finds objects and makes two current rows for one key impossible.
/// </summary>
internal sealed class Database : IDisposable
{
    /// <summary>The layout this version reads and writes.</summary>
    public const int Format = 1;

    public const string FileName = "objects.db";

    private const string Layout = """
        CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS log (
            id INTEGER PRIMARY KEY,
            until INTEGER,
            prev INTEGER NOT NULL,
            op INTEGER NOT NULL,
            resource TEXT NOT NULL,
            ns TEXT NOT NULL,
            name TEXT NOT NULL,
            sum INTEGER,
            value BLOB NOT NULL);
        CREATE UNIQUE INDEX IF NOT EXISTS live ON log (resource, ns, name) WHERE until IS NULL;
        CREATE TABLE IF NOT EXISTS owned (owner TEXT NOT NULL, resource TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,
            PRIMARY KEY (owner, resource, ns, name)) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS owned_by_key ON owned (resource, ns, name);
        """;

    private const string Start = """

        INSERT INTO meta VALUES ('format', 1) ON CONFLICT DO NOTHING;
        INSERT INTO meta VALUES ('compacted', 0) ON CONFLICT DO NOTHING;

        """;

    // Files of before rows had a sum get the column; their rows keep none until they are written again, and the version of then reads and writes on.
    public const string HasSums = "SELECT count(*) FROM pragma_table_info('log') WHERE name='sum'";
    private const string AddSums = "ALTER TABLE log ADD COLUMN sum INTEGER";

    private readonly StoreOptions _options;
    private readonly DataFolder? _folder;
    private readonly SemaphoreSlim _readers;
    private readonly Stack<Session> _idle = new();
    private readonly Lock _gate = new();
    private readonly bool _whole; // opened to the end: a start that was refused leaves what is noted of the folder as it was

    public Database(StoreOptions options)
    {
        _options = options;
        if (options.Directory is { } directory)
        {
            _folder = DataFolder.Take(directory);
            _readers = new SemaphoreSlim(options.Readers);
        }
        else
        {
            // One connection is the database: whoever holds it, reader or writer, holds it alone.
            _readers = new SemaphoreSlim(1);
        }

        try
        {
            Writer = Open();
            // One transaction, so one flush: a process may start hundreds of these.
            Writer.Execute("BEGIN IMMEDIATE;" + Layout + Start);
            if (Writer.Scalar(HasSums) == 0)
            {
                Writer.Execute(AddSums);
            }

            Writer.Execute("COMMIT");
            CheckFormat();
            _folder?.NoteOpen();
            _whole = true;
        }
        catch (SqliteException fault)
        {
            Dispose();
            throw Fault(fault);
        }
        catch (IOException fault)
        {
            Dispose();
            throw new StoreFailedException($"The data directory {options.Directory} cannot be written: {fault.Message.TrimEnd('.')}. Make room on its disk, or choose another.", StoreTrouble.Failed, fault);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file, or words that say that there is none.</summary>
    public string Name => _folder?.Database ?? "in memory";

    /// <summary>The connection that writes; used by one task at a time. In memory it is shared with readers under <see cref="EnterWriterAsync"/>.</summary>
    public Session Writer { get; } = null!;

    private bool InMemory => _options.Directory is null;

    /// <summary>Takes the writer; readers of a file go on meanwhile.</summary>
    public async ValueTask EnterWriterAsync()
    {
        if (InMemory)
        {
            await _readers.WaitAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Gives the writer back.</summary>
    public void LeaveWriter()
    {
        if (InMemory)
        {
            _readers.Release();
        }
    }

    /// <summary>Runs a read on a connection of its own. Reads are short: a page of rows, never a client's pace.</summary>
    public async ValueTask<T> ReadAsync<T, TArgument>(Func<Session, TArgument, T> read, TArgument argument, CancellationToken cancellation)
    {
        await _readers.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (InMemory)
            {
                return read(Writer, argument);
            }

            Session? session;
            lock (_gate)
            {
                _idle.TryPop(out session);
            }

            session ??= Open();
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
        catch (SqliteException fault)
        {
            throw Fault(fault);
        }
        finally
        {
            _readers.Release();
        }
    }

    /// <summary>What a fault of SQLite means for this database.</summary>
    public StoreFailedException Fault(SqliteException fault) => StoreFault.Of(Name, fault);

    public void Dispose()
    {
        if (_whole)
        {
            _folder?.NoteShut();
        }

        Writer?.Dispose();
        while (_idle.TryPop(out var session))
        {
            session.Dispose();
        }

        _readers.Dispose();
        _folder?.Dispose();
    }

    private Session Open()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = _folder?.Database ?? ":memory:",
            Pooling = false,
        }.ToString());
        var session = new Session(connection, Name);
        try
        {
            connection.Open();
            session.Execute($"PRAGMA cache_size=-{_options.CacheKiB}; PRAGMA busy_timeout=10000; PRAGMA temp_store=MEMORY;");
            if (!InMemory)
            {
                session.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=16777216;");
            }

            return session;
        }
        catch
        {
            session.Dispose(); // now: closed by the finalizer at some time, it would take the log's file along then
            throw;
        }
    }

    private void CheckFormat()
    {
        var found = Writer.Scalar("SELECT value FROM meta WHERE key='format'");
        if (found != Format)
        {
            throw new StoreFailedException(
                $"The database in {_options.Directory} has format {found}; this version reads {Format}. Use the version that wrote it.");
        }
    }
}
