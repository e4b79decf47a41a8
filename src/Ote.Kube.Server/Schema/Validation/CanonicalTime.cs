using System.Globalization;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>A moment as Kubernetes writes it: RFC 3339 in UTC, in whole seconds or, where a field wants it so, in microseconds; what is finer is cut off.</summary>
internal static class CanonicalTime
{
    private const string Seconds = "yyyy-MM-dd'T'HH:mm:ss'Z'";
    private const string Micro = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>The text of the moment; null when it is none. A MicroTime may be as imprecise here as any other time: an earlier version stored such.</summary>
    public static string? Of(string text, bool micro) => GoTime.Moment(text, micro: false)?.ToString(micro ? Micro : Seconds, CultureInfo.InvariantCulture);
}
