using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Defaults;

/// <summary>Defaults of pods and of the templates that make them.</summary>
internal static class PodDefaults
{
    private const int FileMode = 420;
    private const int LostNodeSeconds = 300;

    private static readonly string[] s_volumeSources =
    [
        "hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret", "nfs", "iscsi", "glusterfs", "persistentVolumeClaim",
        "rbd", "flexVolume", "cinder", "cephfs", "flocker", "downwardAPI", "fc", "azureFile", "configMap", "vsphereVolume", "quobyte", "azureDisk",
        "photonPersistentDisk", "projected", "portworxVolume", "scaleIO", "storageos", "csi", "ephemeral", "image",
    ];

    /// <summary>A pod itself: what a template leaves open until the pod is made is filled too.</summary>
    public static void Pod(JsonObject pod)
    {
        if (pod.ObjectAt("spec") is not { } spec)
            return;
        Spec(spec);
        spec.Set("enableServiceLinks", true);
        foreach (JsonObject container in spec.ObjectsAt("containers").Concat(spec.ObjectsAt("initContainers")))
            RequestsFromLimits(container.ObjectAt("resources"));
        Admitted(spec);
    }

    /// <summary>What the admission that stands in every real server adds: how long a pod bears a lost node, and its priority.</summary>
    private static void Admitted(JsonObject spec)
    {
        spec.Set("tolerations", new JsonArray());
        if (spec["tolerations"] is JsonArray tolerations)
        {
            foreach (string taint in (ReadOnlySpan<string>)["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"])
            {
                bool borne = tolerations.OfType<JsonObject>().Any(t =>
                    Either(t.TextAt("key"), taint) && Either(t.TextAt("effect"), "NoExecute"));
                if (borne)
                    continue;
                tolerations.Add((JsonNode)new JsonObject { ["effect"] = "NoExecute", ["key"] = taint, ["operator"] = "Exists", ["tolerationSeconds"] = LostNodeSeconds });
            }
        }
        if (spec.TextAt("priorityClassName") is null or "")
        {
            spec.Set("priority", 0);
            spec.SetText("preemptionPolicy", "PreemptLowerPriority");
        }
    }

    /// <summary>Whether a toleration's field means the value: by naming it, or by naming none and so meaning all.</summary>
    private static bool Either(string? field, string value) => string.IsNullOrEmpty(field) || field == value;

    /// <summary>The pod template in a field of a workload's spec.</summary>
    public static void Template(JsonObject? template)
    {
        if (template.ObjectAt("spec") is { } spec)
            Spec(spec);
    }

    private static void Spec(JsonObject spec)
    {
        spec.SetText("dnsPolicy", "ClusterFirst");
        spec.SetText("restartPolicy", "Always");
        spec.SetText("schedulerName", "default-scheduler");
        spec.Set("securityContext", new JsonObject());
        spec.Set("terminationGracePeriodSeconds", 30);
        // The old name of the field mirrors the new one.
        if (spec.TextAt("serviceAccountName") is { Length: > 0 } account)
            spec["serviceAccount"] = account;
        else if (spec.TextAt("serviceAccount") is { Length: > 0 } old)
            spec["serviceAccountName"] = old;
        bool hostNetwork = spec.FlagAt("hostNetwork");
        foreach (JsonObject container in spec.ObjectsAt("containers").Concat(spec.ObjectsAt("initContainers")).Concat(spec.ObjectsAt("ephemeralContainers")))
            Container(container, hostNetwork);
        foreach (JsonObject volume in spec.ObjectsAt("volumes"))
            Volume(volume);
    }

    private static void Container(JsonObject container, bool hostNetwork)
    {
        if (container.TextAt("image") is { Length: > 0 } image)
            container.SetText("imagePullPolicy", IsMovingTag(image) ? "Always" : "IfNotPresent");
        container.Set("resources", new JsonObject());
        container.SetText("terminationMessagePath", "/dev/termination-log");
        container.SetText("terminationMessagePolicy", "File");
        foreach (JsonObject port in container.ObjectsAt("ports"))
        {
            port.SetText("protocol", "TCP");
            if (hostNetwork && port["containerPort"] is { } number)
                port.Set("hostPort", number.DeepClone());
        }
        foreach (string probe in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
            Probe(container.ObjectAt(probe));
        HttpGet(container.ObjectAt("lifecycle", "postStart", "httpGet"));
        HttpGet(container.ObjectAt("lifecycle", "preStop", "httpGet"));
        foreach (JsonObject variable in container.ObjectsAt("env"))
            variable.ObjectAt("valueFrom", "fieldRef")?.SetText("apiVersion", "v1");
    }

    /// <summary>Whether the image has no tag or the tag <c>latest</c>, so that what it names may change.</summary>
    private static bool IsMovingTag(string image)
    {
        if (image.Contains('@', StringComparison.Ordinal))
            return false;
        int colon = image.LastIndexOf(':');
        return colon <= image.LastIndexOf('/') || image[(colon + 1)..] == "latest";
    }

    private static void Probe(JsonObject? probe)
    {
        if (probe is null)
            return;
        Positive(probe, "timeoutSeconds", 1);
        Positive(probe, "periodSeconds", 10);
        Positive(probe, "successThreshold", 1);
        Positive(probe, "failureThreshold", 3);
        HttpGet(probe.ObjectAt("httpGet"));
        probe.ObjectAt("grpc")?.Set("service", "");
    }

    private static void Positive(JsonObject probe, string name, int value)
    {
        if (probe[name] is null || probe[name].Whole() == 0)
            probe[name] = value;
    }

    private static void HttpGet(JsonObject? get)
    {
        get?.SetText("path", "/");
        get?.SetText("scheme", "HTTP");
    }

    private static void Volume(JsonObject volume)
    {
        if (!s_volumeSources.Any(s => volume[s] is not null))
            volume["emptyDir"] = new JsonObject();
        volume.ObjectAt("secret")?.Set("defaultMode", FileMode);
        volume.ObjectAt("configMap")?.Set("defaultMode", FileMode);
        volume.ObjectAt("hostPath")?.Set("type", "");
        Items(volume.ObjectAt("downwardAPI"), FileMode);
        if (volume.ObjectAt("projected") is { } projected)
        {
            projected.Set("defaultMode", FileMode);
            foreach (JsonObject source in projected.ObjectsAt("sources"))
            {
                Items(source.ObjectAt("downwardAPI"), null);
                source.ObjectAt("serviceAccountToken")?.Set("expirationSeconds", 3600);
            }
        }
        volume.ObjectAt("ephemeral", "volumeClaimTemplate", "spec")?.SetText("volumeMode", "Filesystem");
    }

    private static void Items(JsonObject? downward, int? mode)
    {
        if (mode is { } m)
            downward?.Set("defaultMode", m);
        foreach (JsonObject item in downward.ObjectsAt("items"))
            item.ObjectAt("fieldRef")?.SetText("apiVersion", "v1");
    }

    private static void RequestsFromLimits(JsonObject? resources)
    {
        if (resources.ObjectAt("limits") is not { Count: > 0 } limits || resources!.Child("requests") is not { } requests)
            return;
        foreach ((string name, JsonNode? limit) in limits)
        {
            if (limit is not null)
                requests.Set(name, limit.DeepClone());
        }
    }
}
