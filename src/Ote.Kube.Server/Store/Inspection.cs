using Microsoft.Data.Sqlite;
using static SQLitePCL.raw;

namespace Ote.Kube.Server.Store;

/// <summary>A look at every current object, once, before a store serves: a damaged page is told at the start and not by some answer later.</summary>
/// <param name="Objects">How many there are.</param>
/// <param name="Going">Keys of those whose deletion has begun and is not over, and perhaps of some that speak of a deletion elsewhere.</param>
internal sealed record Inspection(long Objects, IReadOnlyList<StoreKey> Going)
{
    // In the order of the file: by the index, each row would be looked for.
    private const string Rows = "SELECT id, resource, ns, name, sum, value FROM log NOT INDEXED WHERE until IS NULL";
    private const string Indexed = "SELECT count(*) FROM log INDEXED BY live WHERE until IS NULL";

    /// <summary>Reads them all.</summary>
    /// <exception cref="StoreFailedException">One is not as it was written, or the index does not know as many.</exception>
    /// <exception cref="SqliteException">A page cannot be read.</exception>
    public static Inspection Of(Session session)
    {
        var objects = 0L;
        var going = new List<StoreKey>();
        using (var reader = session.Prepare(Rows).ExecuteReader())
        {
            var row = reader.Handle!;
            while (reader.Read())
            {
                objects++;
                // As they lie in SQLite's memory: there may be a hundred thousand of them.
                var value = sqlite3_column_blob(row, 5);
                if (!reader.IsDBNull(4) && reader.GetInt64(4) != RowSum.Of(reader.GetInt64(0), sqlite3_column_blob(row, 1), sqlite3_column_blob(row, 2), sqlite3_column_blob(row, 3), value))
                {
                    throw StoreFault.Damaged(session.Name, $"what is stored for {Key(reader)} at revision {reader.GetInt64(0)} is not what was written");
                }

                if (value.IndexOf("\"deletionTimestamp\""u8) >= 0)
                {
                    going.Add(Key(reader));
                }
            }
        }

        var indexed = session.Scalar(Indexed);
        return indexed == objects ? new Inspection(objects, going) : throw StoreFault.Damaged(session.Name, $"it holds {objects} objects, and its index {indexed}");
    }

    private static StoreKey Key(SqliteDataReader row) => new(row.GetString(1), row.GetString(2), row.GetString(3));
}
