using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Handling;

/// <summary>
/// What the root remembers of the certificates of a cluster, as annotations of its <c>Cluster</c> object: written together with the
/// binding of name and uid, before the certificate leaves.
/// </summary>
/// <param name="Begin">When the newest one begins.</param>
/// <param name="End">When the newest one ends.</param>
/// <param name="LastEnd">When the last of all issued ones ends: an older one may have been issued for longer.</param>
internal sealed record CertificateRecord(DateTimeOffset Begin, DateTimeOffset End, DateTimeOffset LastEnd)
{
    private const string BeginKey = "ote.baidu.com/certificate-not-before";
    private const string EndKey = "ote.baidu.com/certificate-not-after";
    private const string LastEndKey = "ote.baidu.com/certificates-end";

    /// <summary>The record on an object; null when it has none.</summary>
    public static CertificateRecord? Of(JsonObject cluster) =>
        Read(cluster, BeginKey) is { } begin && Read(cluster, EndKey) is { } end
            ? new CertificateRecord(begin, end, Read(cluster, LastEndKey) is { } last && last > end ? last : end)
            : null;

    /// <summary>Writes a new certificate down.</summary>
    public static void Write(JsonObject cluster, DateTimeOffset begin, DateTimeOffset end)
    {
        var last = Of(cluster)?.LastEnd is { } before && before > end ? before : end;
        var annotations = cluster.Child("metadata").Child("annotations");
        annotations[BeginKey] = begin.ToKubeTime();
        annotations[EndKey] = end.ToKubeTime();
        annotations[LastEndKey] = last.ToKubeTime();
    }

    private static DateTimeOffset? Read(JsonObject cluster, string key) =>
        DateTimeOffset.TryParse(cluster.Annotation(key), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;
}
