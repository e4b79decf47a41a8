using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Kube.Objects;

namespace Ote.Cluster.Issuing;

/// <summary>What an operator lets a cluster issue: <c>spec.issuing</c> of its <c>Cluster</c> object. Pure.</summary>
/// <param name="NamePattern">Glob of the names; any by default.</param>
/// <param name="Until">When it ends.</param>
/// <param name="Life">How long one certificate counts.</param>
internal sealed record IssuingSpec(string NamePattern, DateTimeOffset Until, TimeSpan Life)
{
    /// <summary>How long a provisional certificate counts unless the operator says otherwise: one day. It is followed by another while the root is away.</summary>
    public static readonly TimeSpan DefaultLife = TimeSpan.FromDays(1);

    /// <summary>Reads it; false when there is none, with the error when it makes no sense.</summary>
    public static bool TryRead(JsonObject cluster, out IssuingSpec? spec, out string? error)
    {
        (spec, error) = (null, null);
        if (cluster.At("spec", "issuing") is not JsonObject)
        {
            return false;
        }

        var pattern = cluster.Text("spec", "issuing", "namePattern") is { Length: > 0 } text ? text : "*";
        var life = cluster.Whole("spec", "issuing", "certificateSeconds") is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, int.MaxValue)) : DefaultLife;
        var until = cluster.Time("spec", "issuing", "until");
        error = until is null ? "until is missing, or no time such as 2030-01-01T00:00:00Z; say when the leave to issue ends"
            : life < IssuerGrant.ShortestLife || life > IssuerGrant.LongestLife ? $"certificateSeconds is not between {IssuerGrant.ShortestLife.TotalSeconds:0} and {IssuerGrant.LongestLife.TotalSeconds:0}"
            : pattern.Length > 63 ? "namePattern has more than 63 characters"
            : null;
        spec = error is null ? new IssuingSpec(pattern, until!.Value, life) : null;
        return spec is not null;
    }
}
