using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Mirror.Applying;

/// <summary>An object as its cluster reports it and as it is shown here, with what it can be found by.</summary>
/// <param name="Json">The object as it is shown: named for its cluster, at a revision of this mirror.</param>
/// <param name="Terms">What it can be found by besides its key: <c>l KEY=VALUE</c> for a label, <c>n NODE</c>, <c>p PHASE</c>, <c>o UID</c> for an owner.</param>
internal sealed record MirroredObject(byte[] Json, IReadOnlyList<string> Terms)
{
    /// <summary>The label that names the cluster, as the original platform has it.</summary>
    public const string ClusterLabel = ObjectOrigin.ClusterLabel;

    /// <summary>The label that names a pod's node.</summary>
    public const string NodeLabel = "node-name";

    private const string Prefix = "ote.baidu.com/";
    private const int MostLabelValue = 63;
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Makes the form in which an object is shown.</summary>
    /// <param name="reported">What the cluster reports; a JSON object.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="shown">The name it is shown under.</param>
    /// <param name="revision">Of this mirror.</param>
    /// <param name="apiVersion">Of the stream, for objects that do not say.</param>
    /// <param name="kind">As above.</param>
    /// <exception cref="JsonException">It is no JSON object.</exception>
    public static MirroredObject Of(ReadOnlySpan<byte> reported, string cluster, string shown, long revision, string apiVersion, string kind)
    {
        var obj = JsonNode.Parse(reported) as JsonObject ?? throw new JsonException("what is reported is not a JSON object");
        obj["apiVersion"] ??= apiVersion;
        obj["kind"] ??= kind;
        kind = BuiltIn(obj); // a custom kind of the same name is nothing like it
        var metadata = obj.Child("metadata");
        var annotations = metadata.Child("annotations");
        annotations[Prefix + "cluster"] = cluster;
        annotations[Prefix + "name"] = obj.Name();
        annotations[Prefix + "resource-version"] = obj.ResourceVersion();
        metadata["name"] = shown;
        metadata["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture);
        var labels = metadata.Child("labels");
        labels[ClusterLabel] = cluster;
        var node = kind == "Pod" ? obj.Text("spec", "nodeName") : null;
        if (node is { Length: > 0 and <= MostLabelValue })
        {
            labels[NodeLabel] = node;
        }

        if (kind == "Pod" && obj["spec"] is JsonObject spec)
        {
            spec["securityContext"] ??= new JsonObject(); // every pod has one, and kubectl debug looks into it; what was in it is not reported
        }

        if (node is { Length: > 0 })
        {
            obj["spec"]!["nodeName"] = MirroredName.Of(node, cluster); // as the node is shown, so that who follows it finds it
        }

        Narrow(obj, kind, cluster);

        return new MirroredObject(Encode(obj, reported.Length + 512), TermsOf(obj));
    }

    /// <summary>The kind of an object of Kubernetes' own; empty for any other.</summary>
    public static string BuiltIn(JsonObject obj) =>
        (obj.Text("apiVersion") ?? "").Split('/') is [_] or ["apps" or "batch" or "events.k8s.io", _] ? obj.Text("kind") ?? "" : "";

    /// <summary>What a workload or a service selects are pods of its own cluster: shown among those of others, it says so.</summary>
    private static void Narrow(JsonObject obj, string kind, string cluster)
    {
        if (kind == "Event" && obj["involvedObject"] is JsonObject about && about.Text("name") is { Length: > 0 } name)
        {
            about["name"] = MirroredName.Of(name, cluster); // as it is shown, so that who looks for what happened to it finds it
        }
        else if (kind == "Service" && obj.At("spec", "selector") is JsonObject { Count: > 0 } pods)
        {
            pods[ClusterLabel] = cluster;
        }
        else if (kind is "Deployment" or "StatefulSet" or "DaemonSet" or "ReplicaSet" or "Job" && obj.At("spec", "selector") is JsonObject selector)
        {
            selector.Child("matchLabels")[ClusterLabel] = cluster;
        }
    }

    /// <summary>Whose object one is that is shown.</summary>
    public static ObjectOrigin? OriginOf(byte[] shown) => MirroredOrigin.Read(shown);

    /// <summary>The uid of an object that is shown, and the version that its cluster gave it; empty for none.</summary>
    public static (string Uid, string ResourceVersion) VersionOf(byte[] shown) =>
        JsonNode.Parse(shown) is JsonObject obj ? (obj.Uid(), obj.Annotation(Prefix + "resource-version") ?? "") : ("", "");

    /// <summary>An object that is shown, under the name and in the version that it has at its cluster, without what says whose it is. What a pod's node or a selector says stays as it is shown.</summary>
    public static JsonObject OriginalOf(byte[] shown)
    {
        var obj = (JsonObject)JsonNode.Parse(shown)!;
        var metadata = obj.Child("metadata");
        metadata["name"] = obj.Annotation(Prefix + "name");
        metadata["resourceVersion"] = obj.Annotation(Prefix + "resource-version");
        foreach (var key in (ReadOnlySpan<string>)["cluster", "name", "resource-version"])
        {
            metadata.Child("annotations").Remove(Prefix + key);
        }

        metadata.Child("labels").Remove(ClusterLabel);
        return obj;
    }

    /// <summary>An object that is gone, at the revision at which it went.</summary>
    public static byte[] AtRevision(byte[] json, long revision)
    {
        var obj = (JsonObject)JsonNode.Parse(json)!;
        obj["metadata"]!["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture);
        return Encode(obj, json.Length + 16);
    }

    /// <summary>An object as it was, marked so that nobody takes it for what is.</summary>
    public static byte[] AsOf(byte[] json, DateTimeOffset at)
    {
        var obj = (JsonObject)JsonNode.Parse(json)!;
        obj.Child("metadata").Child("annotations")[Prefix + "as-of"] = at.ToKubeTime();
        return Encode(obj, json.Length + 64);
    }

    /// <summary>What an object in the form in which it is shown can be found by.</summary>
    public static IReadOnlyList<string> TermsOf(JsonObject shown) => [.. AllTerms(shown).Distinct(StringComparer.Ordinal)];

    /// <summary>The bytes of an object.</summary>
    public static byte[] Encode(JsonObject obj, int size)
    {
        var buffer = new ArrayBufferWriter<byte>(size);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
        {
            obj.WriteTo(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static IEnumerable<string> AllTerms(JsonObject obj)
    {
        var node = BuiltIn(obj) == "Pod" ? obj.Text("spec", "nodeName") : null;
        foreach (var (key, value) in obj.Labels() ?? [])
        {
            // The cluster has an index of its own.
            if (key != ClusterLabel && value is JsonValue text && text.TryGetValue<string>(out var word))
            {
                yield return $"l {key}={word}";
            }
        }

        if (node is { Length: > 0 })
        {
            yield return $"n {node}";
        }

        if (obj.Text("status", "phase") is { } phase)
        {
            yield return $"p {phase}";
        }

        foreach (var owner in obj.Items("metadata", "ownerReferences") ?? [])
        {
            if (owner.Text("uid") is { } uid)
            {
                yield return $"o {uid}";
            }
        }
    }
}
