using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Audit;

/// <summary>Reads a Policy of <c>audit.k8s.io/v1</c>. What it does not know, it refuses: a rule half read would note less than was asked for.</summary>
internal static class AuditPolicyFile
{
    private static readonly string[] OfPolicy = ["apiVersion", "kind", "metadata", "omitStages", "omitManagedFields", "rules"];
    private static readonly string[] OfRule = ["level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages", "omitManagedFields"];
    private static readonly string[] OfResources = ["group", "resources", "resourceNames"];

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">It cannot be read or is no policy; the message names the place and what belongs there.</exception>
    public static AuditPolicy Read(string file)
    {
        try
        {
            return Parse(File.ReadAllText(file));
        }
        catch (Exception fault) when (fault is FormatException or UnauthorizedAccessException)
        {
            throw new IOException($"The audit policy {file} cannot be used: {fault.Message}", fault);
        }
    }

    /// <summary>Reads the text of one, in YAML or JSON.</summary>
    /// <exception cref="FormatException">It is no policy.</exception>
    public static AuditPolicy Parse(string text)
    {
        var policy = Yaml.ReadObject(text);
        if (policy.Text("apiVersion") != "audit.k8s.io/v1" || policy.Text("kind") != "Policy")
        {
            throw new FormatException("it is not apiVersion: audit.k8s.io/v1, kind: Policy");
        }

        Known(policy, OfPolicy, "the policy");
        var rules = policy["rules"] is JsonArray { Count: > 0 } given ? given : throw new FormatException("rules: at least one belongs there");
        return new AuditPolicy([.. rules.Select((rule, i) => Rule(rule as JsonObject, $"rules[{i}]"))], Stages(policy, "omitStages"));
    }

    private static AuditRule Rule(JsonObject? rule, string at)
    {
        Known(rule ?? throw new FormatException($"{at} is no object"), OfRule, at);
        var read = new AuditRule
        {
            Level = rule.Text("level") switch
            {
                "None" => AuditLevel.None,
                "Metadata" => AuditLevel.Metadata,
                "Request" or "RequestResponse" => throw new FormatException($"{at}.level: this server notes no bodies; write Metadata"),
                var other => throw new FormatException($"{at}.level: '{other}' is neither None nor Metadata"),
            },
            Users = Texts(rule, "users", at),
            UserGroups = Texts(rule, "userGroups", at),
            Verbs = Texts(rule, "verbs", at),
            Namespaces = Texts(rule, "namespaces", at),
            NonResourceUrls = Texts(rule, "nonResourceURLs", at),
            OmitStages = Stages(rule, at + ".omitStages"),
            Resources = [.. (rule["resources"] as JsonArray ?? []).Select((r, i) => Resources(r as JsonObject, $"{at}.resources[{i}]"))],
        };
        return !read.NonResourceUrls.IsEmpty && (!read.Resources.IsEmpty || !read.Namespaces.IsEmpty)
            ? throw new FormatException($"{at}: nonResourceURLs do not go together with resources or namespaces")
            : read;
    }

    private static AuditResources Resources(JsonObject? resources, string at)
    {
        Known(resources ?? throw new FormatException($"{at} is no object"), OfResources, at);
        var (names, plurals) = (Texts(resources, "resourceNames", at), Texts(resources, "resources", at));
        return names.Length > 0 && plurals.IsEmpty
            ? throw new FormatException($"{at}: resourceNames need resources")
            : new AuditResources(resources.Text("group") ?? "", plurals, names);
    }

    private static ImmutableArray<string> Texts(JsonObject obj, string field, string at) => obj[field] switch
    {
        null => [],
        JsonArray array when array.All(v => v is JsonValue value && value.TryGetValue<string>(out _)) => [.. array.Select(v => v!.GetValue<string>())],
        _ => throw new FormatException($"{at}.{field} is no list of texts"),
    };

    private static AuditStages Stages(JsonObject obj, string at) => Texts(obj, "omitStages", at).Aggregate(
        AuditStages.None,
        (all, text) => all | text switch
        {
            "RequestReceived" => AuditStages.RequestReceived,
            "ResponseStarted" => AuditStages.ResponseStarted,
            "ResponseComplete" => AuditStages.ResponseComplete,
            "Panic" => AuditStages.None, // a fault of the server completes the answer too, with 500
            _ => throw new FormatException($"{at}: '{text}' is none of RequestReceived, ResponseStarted, ResponseComplete and Panic"),
        });

    private static void Known(JsonObject obj, string[] fields, string at)
    {
        if (obj.Select(f => f.Key).FirstOrDefault(f => !fields.Contains(f)) is { } unknown)
        {
            throw new FormatException($"{at} has an unknown field '{unknown}'; known are {string.Join(", ", fields)}");
        }
    }
}
