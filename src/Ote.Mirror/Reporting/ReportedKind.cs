namespace Ote.Mirror.Reporting;

/// <summary>A kind of which a cluster reports its objects, in whichever version the cluster prefers.</summary>
/// <param name="Plural">As it stands in URLs.</param>
/// <param name="Group">API group; empty for the core group.</param>
/// <param name="Dropped">Fields that are not reported, as <see cref="LightForm"/> reads them.</param>
/// <param name="Most">Of more objects than this the newest alone are reported; 0: all are.</param>
public sealed record ReportedKind(string Plural, string Group, IReadOnlyList<string> Dropped, int Most = 0)
{
    /// <summary>Its stream: <c>pods</c>, <c>deployments.apps</c>.</summary>
    public string Stream => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>Versions that are asked for before the one that the cluster prefers, the best first.</summary>
    public IReadOnlyList<string> Versions { get; init; } = [];

    /// <summary>Reads a kind as kubectl writes it: <c>pods</c>, <c>widgets.example.com</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="kind">The kind; one of <see cref="ReportedKinds.Default"/> or <see cref="ReportedKinds.Known"/> has its dropped fields.</param>
    /// <param name="error">What is wrong, for people; null when nothing is.</param>
    public static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ReportedKind? kind, [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        (kind, error) = (null, null);
        if (ReportedKinds.Default.Concat(ReportedKinds.Known).FirstOrDefault(k => k.Stream == text) is { } known)
        {
            kind = known;
            return true;
        }

        if (text.Length is 0 or > 253 || !text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.') || text.StartsWith('.') || text.EndsWith('.'))
        {
            error = $"'{text}' is no kind: give its plural and, behind a dot, its group, such as pods or widgets.example.com";
            return false;
        }

        var dot = text.IndexOf('.', StringComparison.Ordinal);
        kind = dot < 0 ? new ReportedKind(text, "", []) : new ReportedKind(text[..dot], text[(dot + 1)..], []);
        if (kind is { Plural: "secrets", Group: "" })
        {
            (kind, error) = (null, "secrets are never reported: who may see them asks their cluster");
        }

        return kind is not null;
    }
}
