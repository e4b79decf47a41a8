using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Store;

/// <summary>Copies of a server's database, for backups: taken while the server works, and made ready before another server starts from one.</summary>
public static class StoreCopy
{
    /// <summary>The database's file in a server's data directory.</summary>
    public const string FileName = Database.FileName;

    // The copy has no watchers: what was replaced or deleted is of no use in it, and "compacted" tells watchers of the former server to list anew.
    private const string Forget = "DELETE FROM log WHERE until IS NOT NULL; ";
    private const string Raise = "INSERT INTO meta VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value=max(value, $2)";
    private const string All = "SELECT value FROM log WHERE resource=$1 AND until IS NULL ORDER BY ns, name";

    /// <summary>Writes a copy as of now to a new file, readable by its owner only. Writers go on meanwhile.</summary>
    /// <param name="dataDirectory">Of the server, which may be running, in this process too.</param>
    /// <param name="target">The new file.</param>
    /// <exception cref="IOException">It could not be read or written; the message says which and why.</exception>
    public static void Take(string dataDirectory, string target) => Do(Path.Combine(dataDirectory, FileName), $"cannot be copied to {target}", session =>
    {
        PrivateFiles.Claim(target);
        session.Prepare("VACUUM INTO $1", target).ExecuteNonQuery();
    });

    /// <summary>Checks a copy from its first page to its last.</summary>
    /// <exception cref="IOException">It is damaged, or of a format this version does not read.</exception>
    public static void Check(string copy) => Do(copy, "is of no use", session =>
    {
        if (session.Prepare("PRAGMA integrity_check(1)").ExecuteScalar() is not "ok")
        {
            throw new IOException("it is damaged");
        }

        if (session.Scalar(Database.HasSums) > 0)
        {
            Inspection.Of(session);
        }

        var format = session.Scalar("SELECT value FROM meta WHERE key='format'");
        if (format != Database.Format)
        {
            throw new IOException($"it has format {format}, and this version reads {Database.Format}");
        }
    });

    /// <summary>
    /// Makes a copy the beginning of a new history: its server gives only revisions and, to objects that change, only generations that the
    /// former server can not have given after the copy was taken. So a watch of the former history ends as expired, and nobody takes a
    /// changed object for one known already.
    /// </summary>
    /// <param name="copy">The file; no server has it open.</param>
    /// <param name="revision">Revisions are greater.</param>
    /// <param name="generation">Generations are not less.</param>
    /// <exception cref="IOException">It could not be written.</exception>
    public static void Renew(string copy, long revision, long generation) => Do(copy, "cannot be made ready", session =>
    {
        session.Execute("BEGIN IMMEDIATE");
        session.Execute(Forget);
        session.Prepare(Raise, "compacted", Math.Max(revision, LogReader.LastRevision(session))).ExecuteNonQuery();
        session.Prepare(Raise, LogReader.GenerationKey, generation).ExecuteNonQuery();
        session.Execute("COMMIT");
    });

    /// <summary>Reads all objects of one kind, <c>group/plural</c>, out of a copy.</summary>
    /// <exception cref="IOException">It could not be read.</exception>
    public static IReadOnlyList<JsonObject> Read(string copy, string resource)
    {
        var objects = new List<JsonObject>();
        Do(copy, "cannot be read", session =>
        {
            using var rows = session.Prepare(All, resource).ExecuteReader();
            while (rows.Read())
            {
                objects.Add(ObjectJson.Stored(rows.GetFieldValue<byte[]>(0)));
            }
        });
        return objects;
    }

    private static void Do(string file, string what, Action<Session> work)
    {
        try
        {
            if (!File.Exists(file))
            {
                throw new IOException("there is no such file");
            }

            var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
            connection.Open();
            using var session = new Session(connection, file);
            session.Execute("PRAGMA busy_timeout=10000; PRAGMA synchronous=FULL;");
            work(session);
        }
        catch (StoreFailedException)
        {
            throw new IOException($"The database {file} {what}: it is damaged.");
        }
        catch (Exception fault) when (fault is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The database {file} {what}: {fault.Message.TrimEnd('.')}.", fault);
        }
    }
}
