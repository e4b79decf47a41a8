using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Tables;

/// <summary>Chooses how a kind is shown.</summary>
internal static class TableForms
{
    public static TableForm Of(KindInfo kind) => kind.Shows is { } own ? Of(own) : kind.IsCustom ? Custom(kind) : (kind.Group, kind.Plural) switch
    {
        ("", "pods") => PodForm.Form,
        ("", "services") => NetworkForms.Service,
        ("", "endpoints") => NetworkForms.Endpoints,
        ("", "nodes") => ClusterForms.Node,
        ("", "namespaces") => ClusterForms.Namespace,
        ("", "configmaps") => ConfigForms.ConfigMap,
        ("", "secrets") => ConfigForms.Secret,
        ("", "serviceaccounts") => ConfigForms.ServiceAccount,
        (_, "events") => ConfigForms.Event,
        ("", "persistentvolumes") => StorageForms.PersistentVolume,
        ("", "persistentvolumeclaims") => StorageForms.PersistentVolumeClaim,
        ("", "replicationcontrollers") => WorkloadForms.ReplicationController,
        ("", "podtemplates") => WorkloadForms.PodTemplate,
        ("", "resourcequotas") => ClusterForms.ResourceQuota,
        ("apps", "deployments") => WorkloadForms.Deployment,
        ("apps", "replicasets") => WorkloadForms.ReplicaSet,
        ("apps", "daemonsets") => WorkloadForms.DaemonSet,
        ("apps", "statefulsets") => WorkloadForms.StatefulSet,
        ("apps", "controllerrevisions") => WorkloadForms.ControllerRevision,
        ("batch", "jobs") => WorkloadForms.Job,
        ("batch", "cronjobs") => WorkloadForms.CronJob,
        ("autoscaling", _) => ClusterForms.HorizontalPodAutoscaler,
        ("networking.k8s.io", "ingresses") => NetworkForms.Ingress,
        ("networking.k8s.io", "ingressclasses") => NetworkForms.IngressClass,
        ("networking.k8s.io", "networkpolicies") => NetworkForms.NetworkPolicy,
        ("policy", _) => ClusterForms.PodDisruptionBudget,
        ("rbac.authorization.k8s.io", "rolebindings" or "clusterrolebindings") => ConfigForms.RoleBinding,
        ("storage.k8s.io", "storageclasses") => StorageForms.StorageClass,
        ("storage.k8s.io", "csidrivers") => StorageForms.CsiDriver,
        ("storage.k8s.io", "csinodes") => StorageForms.CsiNode,
        ("storage.k8s.io", "volumeattachments") => StorageForms.VolumeAttachment,
        ("scheduling.k8s.io", _) => ClusterForms.PriorityClass,
        ("coordination.k8s.io", _) => ClusterForms.Lease,
        ("node.k8s.io", _) => ClusterForms.RuntimeClass,
        ("discovery.k8s.io", _) => NetworkForms.EndpointSlice,
        _ => ClusterForms.Created,
    };

    private static readonly TableForm s_plain = new(
        [TableColumn.ObjectName, TableColumn.Age], static (o, now) => [Cells.Name(o), Cells.Age(o, now)]);

    private static TableForm Custom(KindInfo kind)
    {
        if (kind.PrinterColumns.Count == 0)
            return s_plain;
        (PrinterColumn Column, JsonPath Path)[] columns = [.. kind.PrinterColumns.Select(c => (c, JsonPath.Parse(c.JsonPath)))];
        return new TableForm(
            [TableColumn.ObjectName, .. columns.Select(c => new TableColumn(c.Column.Name, c.Column.Type, c.Column.Priority, c.Column.Format, c.Column.Description))],
            (o, now) => [Cells.Name(o), .. columns.Select(c => Cell(c.Column, c.Path, o, now))]);
    }

    /// <summary>A value that is not of the column's type shows as nothing, so that one odd object does not spoil the table.</summary>
    private static JsonNode? Cell(PrinterColumn column, JsonPath path, JsonObject o, DateTimeOffset now)
    {
        List<JsonNode?> found = path.Find(o);
        if (found.Count == 0 || found[0] is null)
            return null;
        return column.Type switch
        {
            "integer" => found[0].Whole(),
            "number" => found[0].Real(),
            "boolean" => found[0] is JsonValue flag && flag.GetValueKind() is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False
                ? found[0].IsTrue() : null,
            "date" => HumanAge.Parse(found[0]) is { } then ? HumanAge.Of(now - then) : "<invalid>",
            _ => string.Join(' ', found.Select(Show)),
        };
    }

    private static string Show(JsonNode? node) => node.Scalar() ?? (node is null ? "" : node.ToJsonString(ObjectJson.Plain));
}
