using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Ote.Bench.Store;

/// <summary>The same bytes put into SQLite by nothing else, as durable: each row is on disk when its commit returns.</summary>
internal static class BareInserts
{
    /// <param name="folder">Where; made anew.</param>
    /// <param name="values">What.</param>
    /// <param name="together">How many share a commit and its flush: as many as write at once, or 1.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Rows a second.</returns>
    [SuppressMessage("Security", "CA2100", Justification = "Constant texts.")]
    public static double PerSecond(string folder, IReadOnlyList<byte[]> values, int together, TimeProvider time)
    {
        Directory.CreateDirectory(folder);
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "bare.db")};Pooling=False");
        connection.Open();
        Execute("PRAGMA journal_mode=WAL");
        Execute("PRAGMA synchronous=FULL");
        Execute("CREATE TABLE log (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value BLOB NOT NULL)");
        using var insert = connection.CreateCommand();
        insert.CommandText = "INSERT INTO log (name, value) VALUES ($n, $v)";
        var (name, value) = (insert.Parameters.Add("$n", SqliteType.Text), insert.Parameters.Add("$v", SqliteType.Blob));
        var began = time.GetTimestamp();
        for (var i = 0; i < values.Count; i += together)
        {
            using var transaction = connection.BeginTransaction();
            insert.Transaction = transaction;
            for (var j = i; j < Math.Min(values.Count, i + together); j++)
            {
                (name.Value, value.Value) = (Samples.Name(j), values[j]);
                insert.ExecuteNonQuery();
            }

            transaction.Commit();
        }

        return values.Count / time.GetElapsedTime(began).TotalSeconds;

        void Execute(string text)
        {
            using var command = connection.CreateCommand();
            command.CommandText = text;
            command.ExecuteNonQuery();
        }
    }
}
