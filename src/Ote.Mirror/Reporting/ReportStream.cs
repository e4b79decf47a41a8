using Ote.Kube.Objects;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Reporting;

/// <summary>An object as it is to be reported, or that it is gone.</summary>
/// <param name="Namespace">Namespace; empty for none.</param>
/// <param name="Name">Name.</param>
/// <param name="Json">The light form; empty when it is gone.</param>
public readonly record struct ReportedObject(string Namespace, string Name, ReadOnlyMemory<byte> Json)
{
    /// <summary>Whether it is gone.</summary>
    public bool IsGone => Json.IsEmpty;
}

/// <summary>The stream of one kind in a <see cref="ReportJournal"/>. Thread-safe.</summary>
public sealed class ReportStream
{
    /// <summary>Of objects that went, so many are remembered; who missed more is told all that is.</summary>
    public const int MostGone = 10_000;

    private const int RowsAtOnce = 500;
    private readonly ReportJournal _journal;
    private readonly long _id;
    private readonly ulong _epoch;
    private ResourceRef? _resource;
    private string _definition = "";
    private long _described; // the revision at which either changed
    private long _head;
    private long _floor; // of objects that went up to and including this revision, not all are remembered
    private ulong _digest;
    private bool _listed;
    private int _gone;

    private ReportStream(ReportJournal journal, string kind, long id, ulong epoch) => (_journal, Kind, _id, _epoch) = (journal, kind, id, epoch);

    /// <summary>Its kind, as the stream is called.</summary>
    public string Kind { get; }

    /// <summary>How far it has come.</summary>
    public StreamCursor Head
    {
        get
        {
            lock (_journal.Gate)
            {
                return new StreamCursor { Kind = Kind, Epoch = _epoch, Revision = (ulong)_head };
            }
        }
    }

    /// <summary>Says what the objects are that come from now on: followers are told before the first of them.</summary>
    /// <param name="resource">In which version the cluster serves the kind.</param>
    /// <param name="definition">JSON, what else clients are to know of it; empty for nothing.</param>
    public void Describe(ResourceRef resource, string definition)
    {
        lock (_journal.Gate)
        {
            if (_resource == resource && _definition == definition)
            {
                return;
            }

            InTransaction(() =>
            {
                (_resource, _definition) = (resource, definition);
                _described = ++_head;
            });
        }

        _journal.Tell();
    }

    /// <summary>Takes what changed; what is as it was gets no new revision.</summary>
    public void Apply(IReadOnlyCollection<ReportedObject> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        bool news;
        lock (_journal.Gate)
        {
            var before = _head;
            InTransaction(() =>
            {
                foreach (var change in changes)
                {
                    Put(change);
                }
            });
            news = _head != before;
        }

        if (news)
        {
            _journal.Tell();
        }
    }

    /// <summary>Everything there is has been told since <paramref name="seen"/> was begun: what is not among it is gone.</summary>
    /// <param name="resource">In which version the cluster serves the kind; null: not at all.</param>
    /// <param name="seen">Namespace and name of all there is.</param>
    public void Listed(ResourceRef? resource, IReadOnlySet<(string Namespace, string Name)> seen)
    {
        ArgumentNullException.ThrowIfNull(seen);
        lock (_journal.Gate)
        {
            InTransaction(() =>
            {
                var missing = new List<ReportedObject>();
                using (var reader = _journal.Session.Prepare("SELECT ns, name FROM objects WHERE stream=$1 AND value IS NOT NULL", _id).ExecuteReader())
                {
                    while (reader.Read())
                    {
                        var key = (reader.GetString(0), reader.GetString(1));
                        if (!seen.Contains(key))
                        {
                            missing.Add(new ReportedObject(key.Item1, key.Item2, default));
                        }
                    }
                }

                missing.ForEach(Put);
                _listed = true;
                _head++; // a follower may hear now that it is complete
                if (resource != _resource)
                {
                    (_resource, _definition, _described) = (resource, "", _head);
                }
            });
        }

        _journal.Tell();
    }

    /// <summary>
    /// What a follower has to hear after a revision: as much as <paramref name="mostBytes"/> allow, and one object at least. Null when it has heard all.
    /// </summary>
    /// <param name="after">How far it is; of another epoch, or so far back that not all that went is remembered: from the beginning.</param>
    /// <param name="whole">Since when it is being told everything; 0: it is not. What went before then it need not hear.</param>
    /// <param name="mostBytes">Of objects.</param>
    public Report? Read(StreamCursor? after, ref ulong whole, int mostBytes)
    {
        lock (_journal.Gate)
        {
            var from = after is not null && after.Epoch == _epoch ? (long)Math.Min(after.Revision, long.MaxValue) : 0;
            if (from > _head || (from < _floor && (long)whole < _floor))
            {
                from = 0; // no revision of this stream, or too old
            }

            if (from == 0)
            {
                whole = (ulong)Math.Max(_head, 1);
            }

            if (from == _head && from != 0)
            {
                return null;
            }

            var report = new Report { Kind = Kind, Epoch = _epoch, From = (ulong)from };
            var more = Fill(report, from, (long)whole, mostBytes);
            if (!more)
            {
                report.To = (ulong)_head;
                report.Complete = _listed;
                report.Digest = _listed ? _digest : 0;
                whole = 0;
            }

            if (_resource is { } resource)
            {
                (report.ApiVersion, report.ObjectKind, report.Namespaced) = (resource.ApiVersion, resource.Kind, resource.Namespaced);
                report.Definition = from < _described ? Google.Protobuf.ByteString.CopyFromUtf8(_definition) : Google.Protobuf.ByteString.Empty;
            }

            return report.To == 0 ? null : report;
        }
    }

    internal static ReportStream Load(ReportJournal journal, string kind)
    {
        using var reader = journal.Session.Prepare("SELECT id, epoch, head, floor, digest, listed, gone, api_version, object_kind, namespaced, definition, described FROM streams WHERE kind=$1", kind).ExecuteReader();
        reader.Read();
        var stream = new ReportStream(journal, kind, reader.GetInt64(0), unchecked((ulong)reader.GetInt64(1)))
        {
            _head = reader.GetInt64(2),
            _floor = reader.GetInt64(3),
            _digest = unchecked((ulong)reader.GetInt64(4)),
            _listed = reader.GetInt64(5) != 0,
            _gone = reader.GetInt32(6),
            _definition = reader.GetString(10),
            _described = reader.GetInt64(11),
        };
        var (apiVersion, objectKind) = (reader.GetString(7), reader.GetString(8));
        if (objectKind.Length > 0)
        {
            var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
            var dot = kind.IndexOf('.', StringComparison.Ordinal);
            stream._resource = new ResourceRef(slash < 0 ? "" : apiVersion[..slash], apiVersion[(slash + 1)..], dot < 0 ? kind : kind[..dot], objectKind, reader.GetInt64(9) != 0);
        }

        return stream;
    }

    /// <summary>Whether there is more behind what fits.</summary>
    private bool Fill(Report report, long from, long whole, int mostBytes)
    {
        using var reader = _journal.Session.Prepare(
            "SELECT ns, name, revision, value FROM objects WHERE stream=$1 AND revision>$2 AND (value IS NOT NULL OR revision>$4) ORDER BY revision LIMIT $3+0", _id, from, RowsAtOnce, whole).ExecuteReader();
        var (bytes, rows) = (0, 0);
        while (reader.Read())
        {
            rows++;
            var value = reader.IsDBNull(3) ? [] : (byte[])reader[3];
            if (report.Changes.Count > 0 && bytes + value.Length > mostBytes)
            {
                return true;
            }

            bytes += value.Length;
            report.Changes.Add(new ObjectChange { Namespace = reader.GetString(0), Name = reader.GetString(1), Object = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(value) });
            report.To = (ulong)reader.GetInt64(2);
        }

        return rows == RowsAtOnce;
    }

    private void Put(ReportedObject next)
    {
        var session = _journal.Session;
        var (known, alive, mark) = (false, false, 0UL);
        using (var reader = session.Prepare("SELECT mark, value IS NOT NULL FROM objects WHERE stream=$1 AND ns=$2 AND name=$3", _id, next.Namespace, next.Name).ExecuteReader())
        {
            if (reader.Read())
            {
                (known, mark, alive) = (true, unchecked((ulong)reader.GetInt64(0)), reader.GetInt64(1) != 0);
            }
        }

        if (next.IsGone ? !alive : alive && mark == ReportDigest.Of(next.Namespace, next.Name, next.Json.Span))
        {
            return;
        }

        var now = next.IsGone ? 0 : ReportDigest.Of(next.Namespace, next.Name, next.Json.Span);
        unchecked
        {
            _digest += now - (alive ? mark : 0);
        }

        object value = next.IsGone ? DBNull.Value : next.Json.ToArray();
        session.Prepare(
            known
                ? "UPDATE objects SET revision=$4, mark=$5, value=$6 WHERE stream=$1 AND ns=$2 AND name=$3"
                : "INSERT INTO objects (stream, ns, name, revision, mark, value) VALUES ($1, $2, $3, $4, $5, $6)",
            _id, next.Namespace, next.Name, ++_head, unchecked((long)now), value).ExecuteNonQuery();
        _gone += next.IsGone ? 1 : known ? -1 : 0;
        if (_gone > MostGone)
        {
            Forget();
        }
    }

    /// <summary>Forgets the older half of those that went.</summary>
    private void Forget()
    {
        var session = _journal.Session;
        var upTo = session.Scalar("SELECT revision FROM objects WHERE stream=$1 AND value IS NULL ORDER BY revision LIMIT 1 OFFSET $2+0", _id, MostGone / 2);
        _gone -= session.Prepare("DELETE FROM objects WHERE stream=$1 AND value IS NULL AND revision<=$2", _id, upTo).ExecuteNonQuery();
        _floor = upTo;
    }

    /// <summary>All or nothing: a fault takes what was counted back too.</summary>
    private void InTransaction(Action change)
    {
        var session = _journal.Session;
        var before = (_head, _floor, _digest, _listed, _gone, _resource, _definition, _described);
        session.Prepare("BEGIN IMMEDIATE").ExecuteNonQuery();
        try
        {
            change();
            session.Prepare(
                "UPDATE streams SET head=$2, floor=$3, digest=$4, listed=$5, gone=$6, api_version=$7, object_kind=$8, namespaced=$9, definition=$10, described=$11 WHERE id=$1",
                _id, _head, _floor, unchecked((long)_digest), _listed ? 1 : 0, _gone, _resource?.ApiVersion ?? "", _resource?.Kind ?? "", _resource?.Namespaced == true ? 1 : 0, _definition, _described).ExecuteNonQuery();
            session.Prepare("COMMIT").ExecuteNonQuery();
        }
        catch
        {
            (_head, _floor, _digest, _listed, _gone, _resource, _definition, _described) = before;
            session.Prepare("ROLLBACK").ExecuteNonQuery();
            throw;
        }
    }
}
