using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>How the node's SQLite file is laid out, and how it is opened: looked through, and put aside when it is not as it was written.</summary>
internal static class NodeFile
{
    public const string FileName = "node.db";

    // One process has it alone, and needs no index beside it, for which a full disk would have no room.
    private const string Layout = """
        PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-2048; PRAGMA journal_size_limit=1048576;
        CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS scopes (id INTEGER PRIMARY KEY, query TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, doubtful INTEGER NOT NULL, complete INTEGER NOT NULL, used INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS grants (scope INTEGER NOT NULL, caller TEXT NOT NULL, PRIMARY KEY (scope, caller)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS objects (id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL);
        CREATE UNIQUE INDEX IF NOT EXISTS by_name ON objects (scope, ns, name);
        CREATE TABLE IF NOT EXISTS kinds (grp TEXT NOT NULL, version TEXT NOT NULL, plural TEXT NOT NULL, kind TEXT NOT NULL, namespaced INTEGER NOT NULL, PRIMARY KEY (grp, version, plural)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY, resource TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, began INTEGER NOT NULL, base BLOB, local BLOB, sent BLOB, UNIQUE (resource, ns, name));
        CREATE TABLE IF NOT EXISTS answers (mark TEXT PRIMARY KEY, at INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
        """;

    private static readonly byte[] s_proof = "ote node"u8.ToArray();

    /// <summary>
    /// Opens the database of a folder, which is made for the owner alone. One that is damaged, or sealed with a key that is lost, is put aside and a new one begun: a node without a cache works as long as its API server answers.
    /// </summary>
    /// <param name="folder">Where.</param>
    /// <param name="node">Whose; that of another node is not taken.</param>
    /// <param name="log">Told of a file that is put aside, and of trouble later.</param>
    /// <exception cref="IOException">It cannot be opened at all; the message says what to do.</exception>
    public static NodeDatabase Open(string folder, string node, ILogger log)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("an edge node runs Linux");
        }

        CheckOwned(folder);
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var values = SealedValues.Open(folder);
        var file = Path.Combine(folder, FileName);
        try
        {
            return OpenOnce(file, node, values, log);
        }
        catch (Exception broken) when (broken is SqliteException { SqliteErrorCode: 11 or 26 } or CryptographicException or InvalidDataException)
        {
            var aside = Aside(file);
            foreach (var suffix in (string[])["", "-wal", "-shm"])
            {
                File.Delete(aside + suffix);
                if (File.Exists(file + suffix))
                {
                    File.Move(file + suffix, aside + suffix);
                }
            }

            log.CacheDamaged(aside, broken.Message.TrimEnd('.'));
        }
        catch (SqliteException refused)
        {
            throw Refused(file, refused);
        }

        try
        {
            return OpenOnce(file, node, values, log);
        }
        catch (SqliteException refused)
        {
            throw Refused(file, refused);
        }
    }

    /// <summary>Sees whether a folder, where there is one, is this user's alone.</summary>
    /// <exception cref="IOException">Others may write there, or it is another's.</exception>
    [UnsupportedOSPlatform("windows")]
    public static void CheckOwned(string folder) => PrivateFolder.Check(folder, "--data", "a key or a cache");

    /// <summary>Sees whether a cache is the node's that is to have it.</summary>
    /// <exception cref="IOException">It is another's.</exception>
    public static void CheckNode(string file, string owner, string node)
    {
        if (owner != node)
        {
            throw new IOException($"{file} is the cache of node {owner}, not of {node}. Give each node a directory of its own, or the name that this one began with with --node-name; or remove the directory, with what was written there while cut off.");
        }
    }

    private static NodeDatabase OpenOnce(string file, string node, SealedValues values, ILogger log)
    {
        if (File.Exists(file) && new FileInfo(file).Length == 0)
        {
            throw new InvalidDataException("it is empty, and may have been cut off");
        }

        if (!File.Exists(file))
        {
            new FileStream(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
        }

        var lacksNewest = WriteAheadLog.IsDamaged(file + "-wal");
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false, DefaultTimeout = 5 }.ToString());
        var session = new Session(connection, file);
        try
        {
            connection.Open();
            session.Execute(Layout);
            session.Execute(HeldChanges.Layout);
            if (session.Scalar("SELECT COUNT(*) FROM pragma_table_info('journal') WHERE name='sent'") == 0)
            {
                session.Execute("ALTER TABLE journal ADD COLUMN sent BLOB"); // A journal of before there was such a column.
            }

            using (var check = connection.CreateCommand())
            {
                check.CommandText = "PRAGMA quick_check(1)";
                if (check.ExecuteScalar() is not "ok")
                {
                    throw new InvalidDataException("a page of it does not hold what was written");
                }
            }

            var database = new NodeDatabase(file, session, values, log) { LacksNewest = lacksNewest };
            Prove(session, database);
            CacheCheck.Run(session, database);
            Belong(session, database, file, node);
            if (lacksNewest)
            {
                log.NewestDamaged(file + "-wal");
            }

            return database;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Sees to it that the key is the one that sealed what is here.</summary>
    private static void Prove(Session session, NodeDatabase database)
    {
        var stored = session.Prepare("SELECT value FROM meta WHERE key='proof'").ExecuteScalar();
        if (stored is null)
        {
            session.Prepare("INSERT INTO meta VALUES ('proof',$1)", database.Seal(s_proof, "proof")).ExecuteNonQuery();
        }
        else
        {
            try
            {
                database.Unseal(stored, "proof");
            }
            catch (CryptographicException)
            {
                throw new InvalidDataException("it was sealed with another key than the node.key that is beside it now");
            }
        }
    }

    /// <exception cref="IOException">It is another node's.</exception>
    private static void Belong(Session session, NodeDatabase database, string file, string node)
    {
        var stored = session.Prepare("SELECT value FROM meta WHERE key='node'").ExecuteScalar();
        if (stored is null)
        {
            session.Prepare("INSERT INTO meta VALUES ('node',$1)", database.Seal(Encoding.UTF8.GetBytes(node), "node")).ExecuteNonQuery();
        }
        else
        {
            CheckNode(file, Encoding.UTF8.GetString(database.Unseal(stored, "node")!), node);
        }
    }

    /// <summary>What was put aside before is kept, up to nine times.</summary>
    private static string Aside(string file) =>
        Enumerable.Range(0, 9).Select(i => file + (i == 0 ? ".damaged" : $".damaged.{i}")).FirstOrDefault(name => !File.Exists(name)) ?? file + ".damaged.9";

    private static IOException Refused(string file, SqliteException refused) => StoreFault.Of(file, refused) is { Trouble: StoreTrouble.Full } full
        ? new IOException($"the cache {file} cannot be opened: no room is left for it. Make room on its disk, and start again.", full)
        : new IOException($"the cache {file} cannot be opened: {refused.Message}. Look whether another process has it, and whether its disk has room and can be written.", refused);
}
