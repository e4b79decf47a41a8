using System.Text;
using System.Text.Json;
using Ote.Kube.Objects;

namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>The few things about a request's body that order and repetition depend on. The body itself is sent on untouched.</summary>
internal sealed record BodyFacts
{
    /// <summary>Nothing can be told about the body: it is in a form that is not read here, or broken.</summary>
    public static BodyFacts Unknown { get; } = new();

    public bool IsKnown { get; private init; }

    public string? Name { get; private init; }

    public bool GeneratesName { get; private init; }

    /// <summary>Whether the body names a resourceVersion, and so can succeed at most once.</summary>
    public bool HasResourceVersion { get; private init; }

    /// <summary>Whether it is a JSON patch made only of operations that leave the same object when applied twice.</summary>
    public bool IsRepeatablePatch { get; private init; }

    public static BodyFacts Read(ReadOnlyMemory<byte> body, string contentType)
    {
        bool json = contentType.EndsWith("json", StringComparison.OrdinalIgnoreCase);
        bool yaml = contentType.EndsWith("yaml", StringComparison.OrdinalIgnoreCase);
        if (body.IsEmpty || !(json || yaml))
            return Unknown;
        try
        {
            // Server-side apply bodies are called YAML, and are often JSON, which is YAML too.
            if (yaml && BodyType.LooksLikeJson(body.Span) is null)
                return FromYaml(body);
            using JsonDocument document = JsonDocument.Parse(body);
            return FromJson(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return Unknown; // the cluster says what is wrong with it
        }
    }

    private static BodyFacts FromJson(JsonElement root)
    {
        if (root.ValueKind == JsonValueKind.Array)
            return new BodyFacts { IsKnown = true, IsRepeatablePatch = root.EnumerateArray().All(IsRepeatable) };
        if (root.ValueKind != JsonValueKind.Object)
            return Unknown;
        if (!root.TryGetProperty("metadata", out JsonElement metadata) || metadata.ValueKind != JsonValueKind.Object)
            return new BodyFacts { IsKnown = true };
        return new BodyFacts
        {
            IsKnown = true,
            Name = Text(metadata, "name"),
            GeneratesName = Text(metadata, "name") is null && Text(metadata, "generateName") is not null,
            HasResourceVersion = Text(metadata, "resourceVersion") is not null,
        };
    }

    private static BodyFacts FromYaml(ReadOnlyMemory<byte> body)
    {
        using JsonDocument document = JsonDocument.Parse(Yaml.ReadObject(Encoding.UTF8.GetString(body.Span)).ToJsonString());
        return FromJson(document.RootElement);
    }

    /// <summary>Replacing a value, or setting a member of an object, twice is the same as once; moving array elements is not, and a test fails the second time.</summary>
    private static bool IsRepeatable(JsonElement operation)
    {
        if (operation.ValueKind != JsonValueKind.Object || Text(operation, "path") is not { } path)
            return false;
        string last = path[(path.LastIndexOf('/') + 1)..];
        return Text(operation, "op") switch
        {
            "replace" => true,
            "add" => last != "-" && !last.All(char.IsAsciiDigit),
            _ => false,
        };
    }

    private static string? Text(JsonElement of, string name) =>
        of.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
}
