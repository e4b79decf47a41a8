using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace Ote.Cluster.Journal;

/// <summary>
/// A journal in one SQLite file (write-ahead log, synchronous=FULL). One task writes; whatever waits while a flush runs
/// shares the next one, and what is only to be forgotten waits up to <see cref="Patience"/> for a write to go with. At most
/// <see cref="MaxWaiting"/> writes wait; further callers wait for room.
/// </summary>
public sealed class SqliteJournal : IJournal
{
    /// <summary>Writes that may wait for the disk at once.</summary>
    public const int MaxWaiting = 4096;

    /// <summary>How long rows to be forgotten wait for company; a flush for them alone would cost as much as one for a command.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    /// <summary>How often it is tried whether there is room again, after a write has failed and while nobody writes.</summary>
    public static readonly TimeSpan ProofEvery = TimeSpan.FromSeconds(5);

    private const int MaxBatch = 512;
    private const int Full = 13; // SQLITE_FULL
    private static readonly Waiting Proof = new([JournalChange.Put("journal", "proof", [])], null);
    private readonly TimeProvider _time;
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _put;
    private readonly SqliteCommand _remove;
    private readonly Channel<Waiting> _waiting = Channel.CreateBounded<Waiting>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly Task _writer;
    private string? _fault;

    private SqliteJournal(SqliteConnection connection, TimeProvider time)
    {
        (_connection, _time) = (connection, time);
        _put = Prepare("INSERT INTO journal(book, key, value) VALUES($book, $key, $value) ON CONFLICT(book, key) DO UPDATE SET value = excluded.value");
        _put.Parameters.Add("$value", SqliteType.Blob);
        _remove = Prepare("DELETE FROM journal WHERE book = $book AND key = $key");
        _writer = Task.Run(WriteLoopAsync);
    }

    /// <summary>Opens or makes the file, readable by its owner only.</summary>
    /// <param name="path">The file.</param>
    /// <param name="time">The clock of <see cref="Patience"/>; null for the system's.</param>
    /// <exception cref="JournalException">It cannot be opened; the message names the file, the cause and the next step.</exception>
    public static SqliteJournal Open(string path, TimeProvider? time = null)
    {
        try
        {
            if (!File.Exists(path))
            {
                Claim(path);
            }

            var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ConnectionString);
            connection.Open();
            using var setup = connection.CreateCommand();
            setup.CommandText = """
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA cache_size = -256;
                CREATE TABLE IF NOT EXISTS journal(book TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY(book, key)) WITHOUT ROWID;
                """;
            setup.ExecuteNonQuery();
            return new SqliteJournal(connection, time ?? TimeProvider.System);
        }
        catch (SqliteException full) when (full.SqliteErrorCode == Full)
        {
            throw new JournalException($"journal {path} cannot be opened: no room is left for it. Make room on its disk, and start again.", full);
        }
        catch (Exception failed) when (failed is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new JournalException($"journal {path} cannot be opened: {failed.Message}. Check that the directory is writable and the file is not damaged.", failed);
        }
    }

    /// <summary>Makes an empty file, readable by its owner only; SQLite takes that for an empty database.</summary>
    internal static void Claim(string path) => File.Open(path, new FileStreamOptions
    {
        Mode = FileMode.CreateNew,
        Access = FileAccess.Write,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    }).Dispose();

    /// <inheritdoc/>
    public string? Fault => Volatile.Read(ref _fault);

    /// <inheritdoc/>
    public IReadOnlyList<JournalRow> Load(string book)
    {
        lock (_connection)
        {
            using var query = _connection.CreateCommand();
            query.CommandText = "SELECT key, value FROM journal WHERE book = $book ORDER BY key";
            query.Parameters.AddWithValue("$book", book);
            using var reader = query.ExecuteReader();
            var rows = new List<JournalRow>();
            while (reader.Read())
            {
                rows.Add(new JournalRow(reader.GetString(0), (byte[])reader[1]));
            }

            return rows;
        }
    }

    /// <inheritdoc/>
    public async Task WriteAsync(params JournalChange[] changes)
    {
        if (changes.Length == 0)
        {
            return;
        }

        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await EnqueueAsync(new Waiting(changes, done)).ConfigureAwait(false);
        await done.Task.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task ForgetAsync(string book, IReadOnlyCollection<string> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return keys.Count == 0 ? Task.CompletedTask : EnqueueAsync(new Waiting([.. keys.Select(key => JournalChange.Remove(book, key))], null));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _writer.ConfigureAwait(false);
        _put.Dispose();
        _remove.Dispose();
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private SqliteCommand Prepare(string sql)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.Parameters.Add("$book", SqliteType.Text);
        command.Parameters.Add("$key", SqliteType.Text);
        return command;
    }

    private async Task EnqueueAsync(Waiting one)
    {
        try
        {
            await _waiting.Writer.WriteAsync(one).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new JournalException("the journal is closed");
        }
    }

    private async Task WriteLoopAsync()
    {
        var batch = new List<Waiting>(MaxBatch);
        var more = WaitAsync();
        while (await ProvedAsync(more).ConfigureAwait(false))
        {
            batch.Clear();
            more = await GatherAsync(batch).ConfigureAwait(false);
            if (TryCommit(batch) is { } fault)
            {
                batch.ForEach(w => w.Done?.SetException(fault));
            }
            else
            {
                batch.ForEach(w => w.Done?.SetResult());
            }
        }
    }

    /// <summary>Waits for what comes next. While the last write has failed it tries a small one now and then: whoever only looks hears when it is over.</summary>
    private async Task<bool> ProvedAsync(Task<bool> more)
    {
        while (Fault is not null && !more.IsCompleted)
        {
            using var enough = new CancellationTokenSource();
            if (await Task.WhenAny(more, Task.Delay(ProofEvery, _time, enough.Token)).ConfigureAwait(false) != more)
            {
                TryCommit([Proof]);
            }

            await enough.CancelAsync().ConfigureAwait(false);
        }

        return await more.ConfigureAwait(false);
    }

    /// <summary>What failed; null when all is on disk.</summary>
    private JournalException? TryCommit(List<Waiting> batch)
    {
        JournalException? fault = null;
        try
        {
            Commit(batch);
        }
        catch (SqliteException failed)
        {
            fault = new JournalException(
                failed.SqliteErrorCode == Full
                    ? $"journal {_connection.DataSource} cannot be written: no room is left for it. Make room on its disk; no restart is needed."
                    : $"journal {_connection.DataSource} cannot be written: {failed.Message}. Free space or mend the disk.",
                failed);
        }

        Volatile.Write(ref _fault, fault?.Message);
        return fault;
    }

    private Task<bool> WaitAsync() => _waiting.Reader.WaitToReadAsync().AsTask();

    /// <summary>Takes what is there; when nobody waits for any of it, what comes within the time of patience too. Returns the wait for what comes after.</summary>
    private async Task<Task<bool>> GatherAsync(List<Waiting> batch)
    {
        Task? patience = null;
        while (true)
        {
            while (batch.Count < MaxBatch && _waiting.Reader.TryRead(out var next))
            {
                batch.Add(next);
            }

            var more = WaitAsync();
            if (batch.Count == MaxBatch || batch.Exists(w => w.Done is not null))
            {
                return more;
            }

            patience ??= Task.Delay(Patience, _time);
            if (await Task.WhenAny(more, patience).ConfigureAwait(false) == patience || !await more.ConfigureAwait(false))
            {
                return more;
            }
        }
    }

    private void Commit(List<Waiting> batch)
    {
        lock (_connection)
        {
            using var transaction = _connection.BeginTransaction();
            foreach (var change in batch.SelectMany(w => w.Changes))
            {
                var command = change.Value is null ? _remove : _put;
                command.Transaction = transaction;
                command.Parameters["$book"].Value = change.Book;
                command.Parameters["$key"].Value = change.Key;
                if (change.Value is not null)
                {
                    command.Parameters["$value"].Value = change.Value;
                }

                command.ExecuteNonQuery();
            }

            transaction.Commit();
        }
    }

    // Without Done nobody waits for it.
    private readonly record struct Waiting(JournalChange[] Changes, TaskCompletionSource? Done);
}
