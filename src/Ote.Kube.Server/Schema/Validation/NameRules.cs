using System.Text.RegularExpressions;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>Which names, label keys and label values are allowed. Each check gives the complaints in the real server's words; none when fine.</summary>
internal static partial class NameRules
{
    public const int LabelMax = 63;
    public const int SubdomainMax = 253;

    private const string SubdomainComplaint =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
        + "alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    private const string LabelComplaint =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
        + "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    private const string Label1035Complaint =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "
        + "alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

    private const string QualifiedComplaint =
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
        + "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

    private const string ValueComplaint =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        + "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    /// <summary>A DNS-1123 subdomain: what most objects are named by.</summary>
    public static IEnumerable<string> Subdomain(string name) => Check(name, SubdomainMax, SubdomainPattern(), SubdomainComplaint);

    /// <summary>A DNS-1123 label: namespaces, containers, StatefulSets.</summary>
    public static IEnumerable<string> Label(string name) => Check(name, LabelMax, LabelPattern(), LabelComplaint);

    /// <summary>A DNS-1035 label: Services and the names of resources in a CRD.</summary>
    public static IEnumerable<string> Label1035(string name) => Check(name, LabelMax, Label1035Pattern(), Label1035Complaint);

    /// <summary>A name that is one segment of a path, as RBAC objects have it (<c>system:node</c>).</summary>
    public static IEnumerable<string> PathSegment(string name)
    {
        if (name is "." or "..")
            yield return $"may not be '{name}'";
        foreach (char c in "/%")
        {
            if (name.Contains(c, StringComparison.Ordinal))
                yield return $"may not contain '{c}'";
        }
    }

    /// <summary>A key of a ConfigMap or Secret.</summary>
    public static IEnumerable<string> ConfigKey(string key)
    {
        foreach (string complaint in Check(key, SubdomainMax, ConfigKeyPattern(),
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
            + "regex used for validation is '[-._a-zA-Z0-9]+')"))
        {
            yield return complaint;
        }
        if (key is "." or "..")
            yield return $"must not be '{key}'";
        else if (key.StartsWith("..", StringComparison.Ordinal))
            yield return "must not start with '..'";
    }

    /// <summary>A label or annotation key: an optional DNS prefix and a name.</summary>
    public static IEnumerable<string> QualifiedName(string key)
    {
        int slash = key.IndexOf('/', StringComparison.Ordinal);
        string name = key;
        if (slash >= 0)
        {
            if (key.IndexOf('/', slash + 1) >= 0)
            {
                yield return "a qualified name " + QualifiedComplaint[..^1]
                    + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
                yield break;
            }
            string prefix = key[..slash];
            name = key[(slash + 1)..];
            if (prefix.Length == 0)
                yield return "prefix part must be non-empty";
            else
            {
                foreach (string complaint in Subdomain(prefix))
                    yield return "prefix part " + complaint;
            }
        }
        if (name.Length == 0)
            yield return "name part must be non-empty";
        else if (name.Length > LabelMax)
            yield return $"name part must be no more than {LabelMax} bytes";
        if (!QualifiedPattern().IsMatch(name))
            yield return "name part " + QualifiedComplaint;
    }

    /// <summary>The name of an environment variable, as Kubernetes has it since v1.34: any printable letters of ASCII.</summary>
    public static IEnumerable<string> EnvironmentVariable(string name)
    {
        if (name.AsSpan().ContainsAnyExceptInRange(' ', '~') || name.Contains('=', StringComparison.Ordinal))
            yield return "a valid environment variable name must consist only of printable ASCII characters other than '='";
    }

    /// <summary>A label's value.</summary>
    public static IEnumerable<string> LabelValue(string value)
    {
        if (value.Length > LabelMax)
            yield return $"must be no more than {LabelMax} bytes";
        if (value.Length > 0 && !QualifiedPattern().IsMatch(value))
            yield return ValueComplaint;
    }

    private static IEnumerable<string> Check(string text, int max, Regex pattern, string complaint)
    {
        if (text.Length > max)
            yield return $"must be no more than {max} bytes";
        if (!pattern.IsMatch(text))
            yield return complaint;
    }

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex SubdomainPattern();

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex LabelPattern();

    [GeneratedRegex(@"\A[a-z]([-a-z0-9]*[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Label1035Pattern();

    [GeneratedRegex(@"\A([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\z", RegexOptions.CultureInvariant)]
    private static partial Regex QualifiedPattern();

    [GeneratedRegex(@"\A[-._a-zA-Z0-9]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex ConfigKeyPattern();
}
