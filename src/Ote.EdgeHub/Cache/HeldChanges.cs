using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// What the API servers told, and what is noted of copies, while the disk refuses it: objects in a table of the connection's memory, sealed like the rest and read together with what is on the disk; notes as what is to be done. Both are
/// written with the first write that the disk takes. Of what a component writes nothing is ever held: that has to be durable. Used by one caller at a time.
/// </summary>
internal sealed class HeldChanges
{
    /// <summary>Makes its tables, in memory.</summary>
    public const string Layout = """
        PRAGMA temp_store=MEMORY;
        CREATE TEMP TABLE held (scope INTEGER NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB, PRIMARY KEY (scope, ns, name)) WITHOUT ROWID;
        CREATE TEMP VIEW seen AS
            SELECT scope, ns, name, revision, value FROM main.objects AS o WHERE NOT EXISTS (SELECT 1 FROM held AS h WHERE h.scope=o.scope AND h.ns=o.ns AND h.name=o.name)
            UNION ALL SELECT scope, ns, name, revision, value FROM held WHERE value IS NOT NULL;
        """;

    /// <summary>Bytes of objects at most; beyond, a copy is no longer kept up, and its readers are passed on.</summary>
    public const long MostBytes = 16 * 1024 * 1024;

    private const int MostNotes = 4096;
    private const string Settling = """
        INSERT INTO main.objects (scope, ns, name, revision, value) SELECT scope, ns, name, revision, value FROM held WHERE value IS NOT NULL
            ON CONFLICT (scope, ns, name) DO UPDATE SET revision=excluded.revision, value=excluded.value;
        DELETE FROM main.objects WHERE id IN (SELECT o.id FROM held AS h JOIN main.objects AS o ON o.scope=h.scope AND o.ns=h.ns AND o.name=h.name WHERE h.value IS NULL);
        DELETE FROM held;
        """;

    private readonly OrderedDictionary<string, Func<Session, int>> _notes = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, Func<Session, int>> _staged = new(StringComparer.Ordinal);

    /// <summary>Whether there is anything.</summary>
    public bool IsAny { get; private set; }

    /// <summary>Whether a change is being taken in at this moment.</summary>
    public bool IsTaking { get; private set; }

    /// <summary>Whether a note waits.</summary>
    /// <param name="what">Its name.</param>
    public bool Waits(string what) => _notes.ContainsKey(what);

    /// <summary>Takes a note; a later one of the same name takes its place.</summary>
    /// <returns>False: there are too many.</returns>
    public bool Note(string what, Func<Session, int> write)
    {
        if (_notes.Count >= MostNotes && !_notes.ContainsKey(what))
        {
            return false;
        }

        (IsTaking ? _staged : _notes)[what] = write;
        IsAny = true;
        return true;
    }

    /// <summary>Takes all that a change writes, or nothing of it.</summary>
    /// <param name="session">The database.</param>
    /// <param name="write">The change, whose rows go by <see cref="CacheRows.Put"/> and by notes.</param>
    /// <param name="refused">Thrown where it is too much.</param>
    public T Take<T>(Session session, Func<Session, T> write, CacheFailedException refused)
    {
        (IsTaking, IsAny) = (true, true);
        session.Execute("BEGIN");
        try
        {
            var result = write(session);
            if (session.Scalar("SELECT COALESCE(SUM(LENGTH(value)),0) FROM held") > MostBytes || _notes.Count + _staged.Count > MostNotes)
            {
                throw refused;
            }

            session.Execute("COMMIT");
            foreach (var (what, note) in _staged)
            {
                _notes[what] = note;
            }

            return result;
        }
        catch
        {
            session.Execute("ROLLBACK");
            throw;
        }
        finally
        {
            IsTaking = false;
            _staged.Clear();
        }
    }

    /// <summary>Writes what is held, within the transaction that is open.</summary>
    public void Settle(Session session)
    {
        if (!IsAny)
        {
            return;
        }

        foreach (var (_, note) in _notes)
        {
            note(session);
        }

        session.Execute(Settling);
    }

    /// <summary>What was settled is on the disk.</summary>
    public void Settled()
    {
        if (IsAny)
        {
            _notes.Clear();
            IsAny = false;
        }
    }
}
