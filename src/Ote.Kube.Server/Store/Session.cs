using Microsoft.Data.Sqlite;

namespace Ote.Kube.Server.Store;

/// <summary>One connection with its prepared statements. Used by one caller at a time; owns the connection.</summary>
/// <param name="connection">The connection, open.</param>
/// <param name="name">The database, as errors name it.</param>
public sealed class Session(SqliteConnection connection, string name) : IDisposable
{
    private readonly Dictionary<string, SqliteCommand> _prepared = new(StringComparer.Ordinal);

    /// <summary>The database, as errors name it.</summary>
    public string Name => name;

    /// <summary>
    /// The prepared statement of a text whose parameters are <c>$1</c>, <c>$2</c>, … Give constants, so that the number of statements is bounded.
    /// </summary>
    public SqliteCommand Prepare(string text, params ReadOnlySpan<object> values)
    {
        if (!_prepared.TryGetValue(text, out var command))
        {
            command = connection.CreateCommand();
            command.CommandText = text;
            for (var i = 0; i < values.Length; i++)
            {
                command.Parameters.Add(new SqliteParameter($"${i + 1}", values[i]));
            }

            _prepared[text] = command;
        }

        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i];
        }

        return command;
    }

    /// <summary>Runs several reads that see one state of the database.</summary>
    public T InOneMoment<T, TArgument>(TArgument argument, Func<Session, TArgument, T> read)
    {
        Prepare("BEGIN").ExecuteNonQuery();
        try
        {
            return read(this, argument);
        }
        finally
        {
            // Nothing was written; a fault may have ended it already.
            if (SQLitePCL.raw.sqlite3_get_autocommit(connection.Handle) == 0)
            {
                Prepare("ROLLBACK").ExecuteNonQuery();
            }
        }
    }

    /// <summary>Runs one or several statements without parameters.</summary>
    public void Execute(string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    /// <summary>The whole number a query gives; 0 when it gives none.</summary>
    public long Scalar(string text, params ReadOnlySpan<object> values) =>
        Prepare(text, values).ExecuteScalar() is long number ? number : 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var command in _prepared.Values)
        {
            command.Dispose();
        }

        connection.Dispose();
    }
}
