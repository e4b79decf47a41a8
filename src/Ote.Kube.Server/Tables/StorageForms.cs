using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using static Ote.Kube.Server.Tables.TableColumn;

namespace Ote.Kube.Server.Tables;

/// <summary>Volumes, claims and their classes and drivers.</summary>
internal static class StorageForms
{
    private const string DefaultClass = "storageclass.kubernetes.io/is-default-class";

    public static TableForm PersistentVolume { get; } = new(
        [
            ObjectName, new("Capacity"), new("Access Modes"), new("Reclaim Policy"), new("Status"), new("Claim"), new("StorageClass"),
            new("VolumeAttributesClass"), new("Reason"), Age, Wide("VolumeMode"),
        ],
        static (o, now) =>
        [
            Cells.Name(o), o.At("spec", "capacity", "storage").Scalar() ?? "", Modes(o.TextsAt("spec", "accessModes")),
            o.TextAt("spec", "persistentVolumeReclaimPolicy") ?? "", Phase(o), Claim(o), o.TextAt("spec", "storageClassName") ?? "",
            o.TextAt("spec", "volumeAttributesClassName") ?? Cells.Unset, o.TextAt("status", "reason") ?? "", Cells.Age(o, now),
            o.TextAt("spec", "volumeMode") ?? Cells.Unset,
        ]);

    public static TableForm PersistentVolumeClaim { get; } = new(
        [
            ObjectName, new("Status"), new("Volume"), new("Capacity"), new("Access Modes"), new("StorageClass"), new("VolumeAttributesClass"), Age,
            Wide("VolumeMode"),
        ],
        static (o, now) =>
        {
            bool bound = o.TextAt("spec", "volumeName") is { Length: > 0 };
            return
            [
                Cells.Name(o), Phase(o), o.TextAt("spec", "volumeName") ?? "", bound ? o.At("status", "capacity", "storage").Scalar() ?? "" : "",
                bound ? Modes(o.TextsAt("status", "accessModes")) : "", o.TextAt("spec", "storageClassName") ?? "",
                o.TextAt("spec", "volumeAttributesClassName") ?? Cells.Unset, Cells.Age(o, now), o.TextAt("spec", "volumeMode") ?? Cells.Unset,
            ];
        });

    public static TableForm StorageClass { get; } = new(
        [ObjectName, new("Provisioner"), new("ReclaimPolicy"), new("VolumeBindingMode"), new("AllowVolumeExpansion", "boolean"), Age],
        static (o, now) =>
        [
            o.TextAt("metadata", "annotations", DefaultClass) == "true" ? Cells.Name(o) + " (default)" : Cells.Name(o), o.TextAt("provisioner") ?? "",
            o.TextAt("reclaimPolicy") ?? "Delete", o.TextAt("volumeBindingMode") ?? "Immediate", o.FlagAt("allowVolumeExpansion"), Cells.Age(o, now),
        ]);

    public static TableForm CsiDriver { get; } = new(
        [
            ObjectName, new("AttachRequired", "boolean"), new("PodInfoOnMount", "boolean"), new("StorageCapacity", "boolean"), new("TokenRequests"),
            new("RequiresRepublish", "boolean"), new("Modes"), Age,
        ],
        static (o, now) =>
        [
            Cells.Name(o), o.At("spec", "attachRequired") is null || o.FlagAt("spec", "attachRequired"), o.FlagAt("spec", "podInfoOnMount"),
            o.FlagAt("spec", "storageCapacity"), Tokens(o), o.FlagAt("spec", "requiresRepublish"), ModesOrPersistent(o), Cells.Age(o, now),
        ]);

    public static TableForm CsiNode { get; } = new(
        [ObjectName, Number("Drivers"), Age], static (o, now) => [Cells.Name(o), o.ObjectsAt("spec", "drivers").Count(), Cells.Age(o, now)]);

    public static TableForm VolumeAttachment { get; } = new(
        [ObjectName, new("Attacher", Format: "name"), new("PV"), new("Node"), new("Attached", "boolean"), Age],
        static (o, now) =>
        [
            Cells.Name(o), o.TextAt("spec", "attacher") ?? "", o.TextAt("spec", "source", "persistentVolumeName") ?? "",
            o.TextAt("spec", "nodeName") ?? "", o.FlagAt("status", "attached"), Cells.Age(o, now),
        ]);

    private static string Phase(JsonObject o) =>
        o.At("metadata", "deletionTimestamp") is not null ? "Terminating" : o.TextAt("status", "phase") ?? "";

    private static string Claim(JsonObject volume) => volume.ObjectAt("spec", "claimRef") is { } claim
        ? $"{claim.TextAt("namespace")}/{claim.TextAt("name")}" : "";

    private static string Modes(IEnumerable<string> modes) => Cells.Join(modes.Distinct().Select(m => m switch
    {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => m,
    }));

    private static string Tokens(JsonObject driver)
    {
        List<string> audiences = [.. driver.ObjectsAt("spec", "tokenRequests").Select(t => t.TextAt("audience") ?? "")];
        return audiences.Count == 0 ? Cells.Unset : Cells.Join(audiences);
    }

    private static string ModesOrPersistent(JsonObject driver)
    {
        List<string> modes = [.. driver.TextsAt("spec", "volumeLifecycleModes")];
        return modes.Count == 0 ? "Persistent" : Cells.Join(modes);
    }
}
