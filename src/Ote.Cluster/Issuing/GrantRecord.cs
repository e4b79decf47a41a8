using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Issuing;

/// <summary>
/// A leave to issue as the root remembers it, in an annotation of the issuer's <c>Cluster</c> object: there before the leave is told, so that it can
/// be withdrawn whatever becomes of the spec.
/// </summary>
/// <param name="Id">Names it.</param>
/// <param name="Until">When it ends.</param>
/// <param name="Of">Short name of the spec and the uid it was given for: another spec is another leave.</param>
internal sealed record GrantRecord(string Id, DateTimeOffset Until, string Of)
{
    private const string Key = "ote.baidu.com/issuer-grants";
    private const string Prefix = "issuer-";
    private const int IdBytes = 16;

    /// <summary>All that may still be in use, the newest last.</summary>
    public static IReadOnlyList<GrantRecord> Read(JsonObject cluster) =>
        [.. (cluster.Annotation(Key) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Parse).OfType<GrantRecord>()];

    /// <summary>Replaces them.</summary>
    public static void Write(JsonObject cluster, IReadOnlyCollection<GrantRecord> grants)
    {
        var annotations = cluster.Child("metadata").Child("annotations");
        if (grants.Count == 0)
        {
            annotations.Remove(Key);
        }
        else
        {
            annotations[Key] = string.Join(' ', grants.Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Id}/{g.Until.ToUnixTimeSeconds()}/{g.Of}")));
        }
    }

    /// <summary>A new one.</summary>
    public static GrantRecord Make(IssuingSpec spec, string uid) => new(Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)), spec.Until, NameOf(spec, uid));

    /// <summary>Short name of a spec for one uid.</summary>
    public static string NameOf(IssuingSpec spec, string uid) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"{uid} {spec.NamePattern} {spec.Until.ToUnixTimeSeconds()} {spec.Life.TotalSeconds}"))))[..16];

    private static GrantRecord? Parse(string text) =>
        text.Split('/') is [{ Length: > 0 } id, var until, var of] && long.TryParse(until, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
        && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? new GrantRecord(id, DateTimeOffset.FromUnixTimeSeconds(seconds), of)
            : null;
}
