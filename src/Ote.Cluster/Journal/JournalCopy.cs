using Google.Protobuf;
using Microsoft.Data.Sqlite;
using Ote.Cluster.Handling;
using Ote.Protocol.Records;

namespace Ote.Cluster.Journal;

/// <summary>Copies of a controller's journal, for backups: taken while the controller works, and made ready before another one starts from one.</summary>
public static class JournalCopy
{
    /// <summary>Writes a copy as of now to a new file, readable by its owner only. Writers go on meanwhile.</summary>
    /// <param name="journal">The file of a journal, which may be in use, in this process too.</param>
    /// <param name="target">The new file.</param>
    /// <exception cref="IOException">It could not be read or written; the message says which and why.</exception>
    public static void Take(string journal, string target) => Do(journal, $"cannot be copied to {target}", connection =>
    {
        SqliteJournal.Claim(target);
        Run(connection, "VACUUM INTO $1", target);
    });

    /// <summary>Checks a copy from its first page to its last.</summary>
    /// <exception cref="IOException">It is damaged.</exception>
    public static void Check(string copy) => Do(copy, "is of no use", connection =>
    {
        using var check = connection.CreateCommand();
        check.CommandText = "PRAGMA integrity_check(1)";
        if (check.ExecuteScalar() is not "ok")
        {
            throw new IOException("it is damaged");
        }
    });

    /// <summary>
    /// Makes a copy safe to go on from: whatever the former controller's own cluster may have carried out since it was taken is only ever
    /// repeated there as a replay, which the shim judges.
    /// </summary>
    /// <param name="copy">The file; no controller has it open.</param>
    /// <param name="commands">Uid and generation of each command that the control API held then.</param>
    /// <exception cref="IOException">It could not be written.</exception>
    public static void Renew(string copy, IEnumerable<(string Uid, ulong Generation)> commands) => Do(copy, "cannot be made ready", connection =>
    {
        using var transaction = connection.BeginTransaction();
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in Rows(connection, CommandExecutor.Book))
        {
            known.Add(key);
            var record = ExecutionRecord.Parser.ParseFrom(value);
            if (record is { Result: null, Started: false })
            {
                record.Started = true;
                Put(connection, CommandExecutor.Book, key, record.ToByteArray());
            }
        }

        foreach (var key in commands.Select(c => Execution.KeyOf(c.Uid, c.Generation)).Where(known.Add))
        {
            Put(connection, CommandExecutor.ReplayBook, key, []);
        }

        transaction.Commit();
    });

    private static List<(string Key, byte[] Value)> Rows(SqliteConnection connection, string book)
    {
        using var query = connection.CreateCommand();
        query.CommandText = "SELECT key, value FROM journal WHERE book = $1";
        query.Parameters.AddWithValue("$1", book);
        using var reader = query.ExecuteReader();
        var rows = new List<(string, byte[])>();
        while (reader.Read())
        {
            rows.Add((reader.GetString(0), (byte[])reader[1]));
        }

        return rows;
    }

    private static void Put(SqliteConnection connection, string book, string key, byte[] value) =>
        Run(connection, "INSERT INTO journal(book, key, value) VALUES($1, $2, $3) ON CONFLICT(book, key) DO UPDATE SET value = excluded.value", book, key, value);

    private static void Run(SqliteConnection connection, string sql, params ReadOnlySpan<object> values)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters.AddWithValue($"${i + 1}", values[i]);
        }

        command.ExecuteNonQuery();
    }

    private static void Do(string file, string what, Action<SqliteConnection> work)
    {
        try
        {
            if (!File.Exists(file))
            {
                throw new IOException("there is no such file");
            }

            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ConnectionString);
            connection.Open();
            Run(connection, "PRAGMA busy_timeout = 10000; PRAGMA synchronous = FULL");
            work(connection);
        }
        catch (Exception failed) when (failed is SqliteException or IOException or UnauthorizedAccessException or InvalidProtocolBufferException)
        {
            throw new IOException($"The journal {file} {what}: {failed.Message.TrimEnd('.')}.", failed);
        }
    }
}
