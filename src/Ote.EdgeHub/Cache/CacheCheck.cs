using System.Text;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>Looks through what is stored: SQLite sees to its pages, and what unseals a value to that.</summary>
internal static class CacheCheck
{
    /// <summary>Sees to it that each value is what was sealed.</summary>
    /// <exception cref="InvalidDataException">One is not.</exception>
    public static void Run(Session session, NodeDatabase database)
    {
        Span<byte> place = stackalloc byte[CacheRows.MostPlaceBytes];
        using (var rows = session.Prepare("SELECT scope, ns, name, value FROM objects").ExecuteReader())
        {
            while (rows.Read())
            {
                Expect(database.IsWhole(rows, 3, CacheRows.Place(rows.GetInt64(0), new StoreKey("", rows.GetString(1), rows.GetString(2)), place)));
            }
        }

        using (var rows = session.Prepare("SELECT resource, ns, name, base, local, sent FROM journal").ExecuteReader())
        {
            while (rows.Read())
            {
                var key = Encoding.UTF8.GetBytes("journal/" + new StoreKey(rows.GetString(0), rows.GetString(1), rows.GetString(2)));
                Expect(database.IsWhole(rows, 3, key) && database.IsWhole(rows, 4, key) && database.IsWhole(rows, 5, key));
            }
        }

        using (var rows = session.Prepare("SELECT mark, value FROM answers").ExecuteReader())
        {
            while (rows.Read())
            {
                Expect(database.IsWhole(rows, 1, Encoding.UTF8.GetBytes("answer/" + rows.GetString(0))));
            }
        }

        static void Expect(bool isWhole)
        {
            if (!isWhole)
            {
                throw new InvalidDataException("a value of it is not what was written");
            }
        }
    }
}
