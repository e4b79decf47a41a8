using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What PersistentVolumes must fulfil.</summary>
internal static class VolumeRules
{
    private static readonly HashSet<string> s_noSources =
        ["accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy", "storageClassName", "volumeAttributesClassName", "volumeMode"];

    public static void Check(JsonObject volume, Faults faults)
    {
        JsonObject spec = volume.ObjectAt("spec") ?? [];
        if (!spec.TextsAt("accessModes").Any())
            faults.Required("spec.accessModes");
        if (spec.ObjectAt("capacity") is not { Count: > 0 })
            faults.Required("spec.capacity");
        string[] sources = [.. spec.Where(field => field.Value is not null && !s_noSources.Contains(field.Key)).Select(field => field.Key)];
        if (sources.Length == 0)
            faults.Required("spec", "must specify a volume type");
        foreach (string extra in sources.Skip(1))
            faults.Forbidden($"spec.{extra}", "may not specify more than 1 volume type");
    }
}
