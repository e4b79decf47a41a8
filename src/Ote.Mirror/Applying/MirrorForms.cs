using System.Text;
using System.Text.Json;
using Ote.Kube.Server.Store;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Applying;

/// <summary>
/// What the objects of each stream are (version, kind, scope, definition), as its cluster says: clusters may have one kind in several versions. Part of the writer's transaction; used by its caller alone.
/// </summary>
internal sealed class MirrorForms(Session session)
{
    private readonly Dictionary<(long Cluster, long Kind), long> _of = [];
    private readonly Dictionary<long, int> _streams = []; // by form

    /// <summary>Whether forms came or went since <see cref="Take()"/>.</summary>
    public bool HaveChanged { get; private set; }

    /// <summary>Reads anew what the tables say.</summary>
    public void Forget()
    {
        _of.Clear();
        _streams.Clear();
        using var reader = session.Prepare("SELECT form, count(*) FROM streams WHERE form<>0 GROUP BY form").ExecuteReader();
        while (reader.Read())
        {
            _streams[reader.GetInt64(0)] = (int)reader.GetInt64(1);
        }
    }

    /// <summary>Takes what a report says of its objects. The stream's row must be there.</summary>
    public void Take(long cluster, long kind, Report report)
    {
        var before = Of(cluster, kind);
        if (report.ObjectKind.Length == 0)
        {
            // Of a kind that is not there, there is nothing to say; else it is not known yet, by a shim of a former version.
            Set(cluster, kind, before, report is { Complete: true, Digest: 0 } ? 0 : before);
            return;
        }

        if (before != 0 && report.Definition.IsEmpty && session.Scalar(
            "SELECT 1 FROM forms WHERE id=$1 AND api_version=$2 AND object_kind=$3 AND namespaced=$4", before, report.ApiVersion, report.ObjectKind, report.Namespaced ? 1 : 0) != 0)
        {
            return; // as it was
        }

        var values = (report.ApiVersion, report.ObjectKind, Namespaced: report.Namespaced ? 1 : 0, Definition: DefinitionOf(report));
        session.Prepare(
            "INSERT INTO forms (kind, api_version, object_kind, namespaced, definition) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING", kind, values.ApiVersion, values.ObjectKind, values.Namespaced, values.Definition).ExecuteNonQuery();
        Set(cluster, kind, before, session.Scalar(
            "SELECT id FROM forms WHERE kind=$1 AND api_version=$2 AND object_kind=$3 AND namespaced=$4 AND definition=$5", kind, values.ApiVersion, values.ObjectKind, values.Namespaced, values.Definition));
        // The row of the kind may be of before it was known.
        session.Prepare("UPDATE kinds SET api_version=$2, kind=$3, namespaced=$4 WHERE id=$1 AND kind=''", kind, values.ApiVersion, values.ObjectKind, values.Namespaced).ExecuteNonQuery();
    }

    /// <summary>The stream is no more; its row is gone already or goes.</summary>
    public void Remove(long cluster, long kind)
    {
        var before = Of(cluster, kind);
        _of.Remove((cluster, kind));
        Count(before, -1);
    }

    /// <summary>The form in which each kind is served.</summary>
    public IReadOnlyList<MirroredKind> Take()
    {
        HaveChanged = false;
        var all = new List<MirroredKind>();
        using var reader = session.Prepare("SELECT f.id, k.stream, f.api_version, f.object_kind, f.namespaced, f.definition FROM forms f JOIN kinds k ON k.id=f.kind").ExecuteReader();
        while (reader.Read())
        {
            if (_streams.GetValueOrDefault(reader.GetInt64(0)) is > 0 and var streams)
            {
                var (resource, apiVersion) = (MirrorStore.ResourceOf(reader.GetString(1)), reader.GetString(2));
                var (slash, behind) = (resource.IndexOf('/', StringComparison.Ordinal), apiVersion.IndexOf('/', StringComparison.Ordinal) + 1);
                all.Add(new MirroredKind(resource[..slash], apiVersion[behind..], resource[(slash + 1)..], reader.GetString(3), reader.GetInt64(4) != 0, reader.GetString(5)) { Clusters = streams });
            }
        }

        return [.. MirroredKind.Choose(all)];
    }

    private static string DefinitionOf(Report report)
    {
        if (report.Definition.Length is 0 or > KindDiscovery.MostBytes)
        {
            return "";
        }

        try
        {
            using var json = JsonDocument.Parse(report.Definition.Memory);
            return json.RootElement.ValueKind == JsonValueKind.Object ? Encoding.UTF8.GetString(report.Definition.Span) : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    private long Of(long cluster, long kind)
    {
        if (!_of.TryGetValue((cluster, kind), out var form))
        {
            _of[(cluster, kind)] = form = session.Scalar("SELECT form FROM streams WHERE cluster=$1 AND kind=$2", cluster, kind);
        }

        return form;
    }

    private void Set(long cluster, long kind, long before, long form)
    {
        if (form != before)
        {
            session.Prepare("UPDATE streams SET form=$3 WHERE cluster=$1 AND kind=$2", cluster, kind, form).ExecuteNonQuery();
            _of[(cluster, kind)] = form;
            Count(before, -1);
            Count(form, +1);
        }
    }

    /// <summary>Counts streams of a form. Forms that nobody has are removed, or each change of a definition would stay for ever.</summary>
    private void Count(long form, int more)
    {
        if (form == 0)
        {
            return;
        }

        HaveChanged = true;
        _streams[form] = _streams.GetValueOrDefault(form) + more;
        if (_streams[form] <= 0)
        {
            _streams.Remove(form);
            session.Prepare("DELETE FROM forms WHERE id=$1", form).ExecuteNonQuery();
        }
    }
}
