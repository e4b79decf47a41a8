using System.Diagnostics.CodeAnalysis;

namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>
/// One line of the allow-list: <c>VERB[,VERB...] PATTERN</c>, such as <c>GET,PATCH /apis/apps/v1/namespaces/*/deployments/**</c>.
/// <c>*</c> as a verb is every verb; in a pattern <c>*</c> is one segment and a closing <c>**</c> any number, also none.
/// </summary>
public sealed record AllowRule
{
    private readonly string[] _verbs;
    private readonly string[] _pattern;
    private readonly bool _open;

    private AllowRule(string[] verbs, string[] pattern, bool open, string text) => (_verbs, _pattern, _open, Text) = (verbs, pattern, open, text);

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>What a shim allows unless told otherwise: every verb on the API, reading of version, health and schema.</summary>
    public static IReadOnlyList<AllowRule> Default { get; } =
    [
        Parse("* /api/**"), Parse("* /apis/**"), Parse("GET,HEAD /version"), Parse("GET,HEAD /healthz/**"),
        Parse("GET,HEAD /livez/**"), Parse("GET,HEAD /readyz/**"), Parse("GET,HEAD /openapi/**"),
    ];

    /// <summary>Reads a rule. Throws <see cref="FormatException"/> that says what is wrong.</summary>
    public static AllowRule Parse(string text) => TryParse(text, out AllowRule? rule, out string? error) ? rule : throw new FormatException(error);

    /// <summary>Reads a rule without throwing.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out AllowRule? rule, [NotNullWhen(false)] out string? error)
    {
        (rule, error) = (null, null);
        string[] parts = (text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length != 2 || !parts[1].StartsWith('/'))
        {
            error = $"allow rule '{text}' is not of the form 'VERB[,VERB] /path/pattern', such as 'GET,PATCH /apis/apps/v1/**'";
            return false;
        }
        string[] verbs = parts[0].Split(',');
        if (verbs.FirstOrDefault(verb => verb != "*" && !RequestMethod.IsSupported(verb)) is { } unknown)
        {
            error = $"allow rule '{text}': '{unknown}' is no verb; use {string.Join(", ", RequestMethod.Supported)} or *";
            return false;
        }
        string[] pattern = parts[1][1..].Split('/');
        bool open = pattern[^1] == "**";
        if (pattern.SkipLast(open ? 1 : 0).Any(segment => segment.Length == 0 || (segment.Contains('*', StringComparison.Ordinal) && segment != "*")))
        {
            error = $"allow rule '{text}': a segment is a name or '*', and '**' may only close the pattern";
            return false;
        }
        rule = new AllowRule(verbs, open ? pattern[..^1] : pattern, open, text!);
        return true;
    }

    /// <inheritdoc />
    public override string ToString() => Text;

    internal bool Allows(string method, IReadOnlyList<string> segments)
    {
        if (!_verbs.Contains("*") && !_verbs.Contains(method))
            return false;
        if (_open ? segments.Count < _pattern.Length : segments.Count != _pattern.Length)
            return false;
        for (int i = 0; i < _pattern.Length; i++)
        {
            if (_pattern[i] != "*" && _pattern[i] != segments[i])
                return false;
        }
        return true;
    }
}
