using System.Text.Json.Nodes;
using Ote.EdgeCluster.Runtimes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Storage;

/// <summary>
/// Binds each PersistentVolumeClaim at once to a volume made for it: as the pods, the volume is simulated and holds nothing. A claim with the
/// annotation <see cref="NeverBound"/> stays pending. Volumes made here go with their claims.
/// </summary>
internal sealed class ClaimController(ClusterView view, EventRecorder events) : IController
{
    /// <summary>Set to <c>true</c>, a claim stays pending.</summary>
    public const string NeverBound = ScriptAnnotations.Prefix + "never-bound";

    private const string Component = "persistentvolume-controller";
    private const string Provisioner = "simulated.ote.baidu.com/volumes";
    private const string ProvisionedBy = "pv.kubernetes.io/provisioned-by";

    public ResourceRef Kind => Kinds.PersistentVolumeClaims;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.VolumeClaims.Get(key) is not { } claim)
        {
            await CleanAsync(key, cancellation).ConfigureAwait(false);
            return Next.Done;
        }

        if (claim.IsDeleting() || claim.Text("status", "phase") == "Bound")
        {
            return Next.Done;
        }

        if (claim.Annotation(NeverBound) == "true")
        {
            events.Normal(claim, "ProvisioningFailed", $"annotation {NeverBound} keeps this claim pending", Component);
            return Next.Done;
        }

        var volume = await VolumeAsync(claim, cancellation).ConfigureAwait(false);
        if (claim.Text("spec", "volumeName") != volume.Name())
        {
            var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = claim.Uid() }, ["spec"] = new JsonObject { ["volumeName"] = volume.Name() } };
            claim = await view.PatchAsync(Kinds.PersistentVolumeClaims, claim, patch, cancellation).ConfigureAwait(false);
        }

        var status = new JsonObject
        {
            ["phase"] = "Bound",
            ["accessModes"] = claim.At("spec", "accessModes")?.DeepClone() ?? new JsonArray("ReadWriteOnce"),
            ["capacity"] = volume.At("spec", "capacity")?.DeepClone() ?? new JsonObject(),
        };
        await view.ShowAsync(Kinds.PersistentVolumeClaims, claim, status, cancellation).ConfigureAwait(false);
        return Next.Done;
    }

    private async Task<JsonObject> VolumeAsync(JsonObject claim, CancellationToken cancellation)
    {
        var name = claim.Text("spec", "volumeName") is { Length: > 0 } asked ? asked : $"pvc-{claim.Uid()}";
        var volume = view.Volumes.Get(name) ?? await view.Client.GetAsync(Kinds.PersistentVolumes, null, name, cancellation).ConfigureAwait(false);
        if (volume is null)
        {
            try
            {
                volume = await view.CreateAsync(Kinds.PersistentVolumes, NewVolume(claim, name), cancellation).ConfigureAwait(false);
                events.Normal(claim, "ProvisioningSucceeded", $"Made the simulated volume {name}", Component);
            }
            catch (KubeStatusException there) when (there.IsAlreadyExists)
            {
                volume = NewVolume(claim, name);
            }
        }
        else if (volume.Text("spec", "claimRef", "uid") is null)
        {
            volume = await view.PatchAsync(Kinds.PersistentVolumes, volume, new JsonObject { ["spec"] = new JsonObject { ["claimRef"] = Reference(claim) } }, cancellation).ConfigureAwait(false);
        }

        return volume.Text("status", "phase") == "Bound" || volume.Uid().Length == 0
            ? volume
            : await view.ShowAsync(Kinds.PersistentVolumes, volume, new JsonObject { ["phase"] = "Bound" }, cancellation).ConfigureAwait(false);
    }

    /// <summary>The claim is gone: so is what was made for it.</summary>
    private async Task CleanAsync(string key, CancellationToken cancellation)
    {
        var (ns, name) = WorkKey.Parts(key);
        foreach (var volume in view.Volumes.Items.Where(v => v.Text("spec", "claimRef", "namespace") == ns && v.Text("spec", "claimRef", "name") == name))
        {
            if (volume.Annotation(ProvisionedBy) == Provisioner && volume.Text("spec", "persistentVolumeReclaimPolicy") == "Delete")
            {
                await view.DeleteAsync(Kinds.PersistentVolumes, volume, cancellation).ConfigureAwait(false);
            }
            else
            {
                await view.ShowAsync(Kinds.PersistentVolumes, volume, new JsonObject { ["phase"] = "Released" }, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static JsonObject NewVolume(JsonObject claim, string name) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "PersistentVolume",
        ["metadata"] = new JsonObject { ["name"] = name, ["annotations"] = new JsonObject { [ProvisionedBy] = Provisioner } },
        ["spec"] = new JsonObject
        {
            ["accessModes"] = claim.At("spec", "accessModes")?.DeepClone() ?? new JsonArray("ReadWriteOnce"),
            ["capacity"] = new JsonObject { ["storage"] = claim.Text("spec", "resources", "requests", "storage") ?? "1Gi" },
            ["claimRef"] = Reference(claim),
            ["hostPath"] = new JsonObject { ["path"] = $"/simulated/{name}" },
            ["persistentVolumeReclaimPolicy"] = "Delete",
            ["storageClassName"] = claim.Text("spec", "storageClassName") ?? "",
            ["volumeMode"] = claim.Text("spec", "volumeMode") ?? "Filesystem",
        },
    };

    private static JsonObject Reference(JsonObject claim) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "PersistentVolumeClaim", ["namespace"] = claim.Namespace(), ["name"] = claim.Name(), ["uid"] = claim.Uid(),
    };
}
