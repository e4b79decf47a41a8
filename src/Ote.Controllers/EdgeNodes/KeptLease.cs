using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>
/// The lease of a kubelet that a controller renews in its place. It says itself which renewal is not the kubelet's and when the kubelet was last heard, so every replica, also one that begins only now, tells both apart; what
/// a kubelet that comes back leaves standing of that says nothing any more. Pure.
/// </summary>
public static class KeptLease
{
    /// <summary>The annotation that names who renewed it.</summary>
    public const string KeptBy = "ote.baidu.com/kept-by";

    /// <summary>The annotation with the <c>renewTime</c> that was written in the kubelet's place.</summary>
    public const string Renewal = "ote.baidu.com/kept-renewal";

    /// <summary>The annotation with the time at which the kubelet was last heard, by the clock of the one that keeps it.</summary>
    public const string Heard = "ote.baidu.com/kept-last-heard";

    private const string Self = "ote-edge-controller";

    /// <summary>Whether its last renewal is not the kubelet's.</summary>
    public static bool IsKept(JsonObject lease) => lease.Text("spec", "renewTime") is { } renewed && lease.Annotation(Renewal) == renewed;

    /// <summary>When the kubelet was last heard, of one that is kept.</summary>
    public static DateTimeOffset? LastHeard(JsonObject lease) => lease.Time("metadata", "annotations", Heard);

    /// <summary>The lease renewed in the kubelet's place, of the same version.</summary>
    /// <param name="lease">As it is; not changed.</param>
    /// <param name="now">The time.</param>
    /// <param name="sinceHeard">How long ago the kubelet was heard.</param>
    public static JsonObject Renewed(JsonObject lease, DateTimeOffset now, TimeSpan sinceHeard)
    {
        var renewed = lease.Copy();
        var annotations = renewed.Child("metadata").Child("annotations");
        renewed.Child("spec")["renewTime"] = Micro(now);
        annotations[Renewal] = Micro(now);
        annotations[Heard] = Micro(now - sinceHeard);
        annotations[KeptBy] = Self;
        return renewed;
    }

    private static string Micro(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
