using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Ote.Conformance.Comparing;

/// <summary>
/// Brings an output into the form in which two servers' are compared: what each must choose for itself is replaced by its name. Everything
/// else stays, so that no difference is hidden. Pure.
/// </summary>
public static partial class Normaliser
{
    /// <summary>The rules, in the order in which they are applied.</summary>
    public static IReadOnlyList<NormalisingRule> Rules { get; } =
    [
        new("server address", (text, lane) => text.Replace(lane.Server, "https://SERVER", StringComparison.Ordinal)
            .Replace(new Uri(lane.Server).Authority, "SERVER", StringComparison.Ordinal)),
        new("folders", (text, lane) => text.Replace(lane.Folder, "FOLDER", StringComparison.Ordinal)),
        new("temporary files", (text, _) => TemporaryFile().Replace(text, "${1}NUMBER")),
        new("uids", (text, _) => Uid().Replace(text, "UID")),
        new("resource versions", (text, _) => ResourceVersion().Replace(text, "${1}NUMBER${2}")),
        new("moments of the run", Moments),
        new("watches that the client itself gave up", (text, _) => GivenUpWatch().Replace(text, "")),
        new("log lines' times", (text, _) => LogLine().Replace(text, "$1 ")),
        new("ages", (text, _) => TableAges.Replace(text)),
        new("cluster addresses", (text, _) => ClusterAddress().Replace(text, "CLUSTER-IP")),
        new("memory addresses", (text, _) => MemoryAddress().Replace(text, "0xADDRESS")),
        new("node ports", (text, _) => NodePort().Replace(text, "${1}NODE-PORT")),
        new("generated names", (text, _) => GeneratedName().Replace(text, "${1}SUFFIX")),
        new("order of a refusal's causes", (text, _) => Causes().Replace(text, SortedLines)),
        new("order of JSON fields", (text, _) => SortedJson(text)),
    ];

    /// <summary>All rules, one after another.</summary>
    public static string Apply(string text, LaneFacts lane) => Rules.Aggregate(text, (current, rule) => rule.Apply(current, lane));

    /// <summary>Moments between begin and end of the run; any other was written by the script or made up, and stays.</summary>
    private static string Moments(string text, LaneFacts lane)
    {
        bool Within(string value, params string[] formats) =>
            DateTimeOffset.TryParseExact(value, formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset at)
            && at >= lane.Began.AddSeconds(-2) && at <= lane.Ended.AddSeconds(2);
        string Replace(Match match, params string[] formats) => Within(match.Value, formats) ? "MOMENT" : match.Value;
        text = Rfc3339().Replace(text, match => Replace(match, "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'"));
        text = Rfc1123().Replace(text, match => Replace(match, "ddd, dd MMM yyyy HH:mm:ss zzz"));
        text = GoTime().Replace(text, match => Within($"{match.Value[..19]}Z", "yyyy-MM-dd HH:mm:ss'Z'") ? "MOMENT" : match.Value);
        return AnsiC().Replace(text, match => Within(match.Value.Replace("  ", " ", StringComparison.Ordinal), "ddd MMM d HH:mm:ss yyyy") ? "MOMENT" : match.Value);
    }

    /// <summary>The real server finds the faults of a map's entries in the order of a Go map, which is another each time.</summary>
    private static string SortedLines(Match match) => string.Concat(match.Value.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal).Select(line => line + "\n"));

    /// <summary>An output that is one JSON document: the order of an object's fields has no meaning.</summary>
    private static string SortedJson(string text)
    {
        if (!text.StartsWith('{'))
            return text;
        try
        {
            return Sorted(JsonNode.Parse(text))!.ToJsonString(s_indented) + "\n";
        }
        catch (JsonException)
        {
            return text;
        }
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => KeyValuePair.Create(field.Key, Sorted(field.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [GeneratedRegex(@"(kubectl-edit-|LIVE-|MERGED-)[a-z0-9]+")]
    private static partial Regex TemporaryFile();

    [GeneratedRegex(@"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")]
    private static partial Regex Uid();

    [GeneratedRegex("""(\\?"?resourceVersion\\?"?: ?\\?"|Resource Version: +)[1-9]\d*(\\?"|(?=\n))""")]
    private static partial Regex ResourceVersion();

    [GeneratedRegex(@"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")]
    private static partial Regex Rfc3339();

    [GeneratedRegex(@"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")]
    private static partial Regex Rfc1123();

    [GeneratedRegex(@"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC")]
    private static partial Regex GoTime();

    [GeneratedRegex(@"\b0xc[0-9a-f]{6,12}\b")]
    private static partial Regex MemoryAddress();

    [GeneratedRegex(@"\b[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d \d{4}")]
    private static partial Regex AnsiC();

    // The time, the process and the line in its source; the file stays.
    [GeneratedRegex(@"(?m)^([EWI])\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ (?=[\w.]+:\d+\])")]
    private static partial Regex LogLine();

    [GeneratedRegex(@"(?m)(^\* [^\n]*\n){2,}")]
    private static partial Regex Causes();

    // helm waits with watches and ends them when it has seen enough; whether one of them says so is a race in the client.
    [GeneratedRegex(@"(?m)^[IW]\d{4} [^\n]* reflector\.go:\d+\] ""Warning: watch ended with error""[^\n]*context canceled[^\n]*\n?")]
    private static partial Regex GivenUpWatch();

    // What both servers deal out of: 10.96.0.0/16, of which .0.1 to .0.99 is written by the script itself.
    [GeneratedRegex(@"\b10\.96\.(?!0\.\d{1,2}\b)\d{1,3}\.\d{1,3}\b")]
    private static partial Regex ClusterAddress();

    [GeneratedRegex("""((?:nodePort"?: ?|NodePort: .*?  |\b\d{1,5}:))3[0-2]\d{3}\b""")]
    private static partial Regex NodePort();

    [GeneratedRegex(@"\b(gen-[a-z0-9-]*?)[bcdfghjklmnpqrstvwxz2456789]{5}\b")]
    private static partial Regex GeneratedName();
}
