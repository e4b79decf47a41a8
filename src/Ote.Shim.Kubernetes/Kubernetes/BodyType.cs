namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>Chooses the content type of a body whose sender named none.</summary>
internal static class BodyType
{
    public const string Json = "application/json";
    public const string Yaml = "application/yaml";
    public const string JsonPatch = "application/json-patch+json";
    public const string MergePatch = "application/merge-patch+json";

    /// <summary>
    /// A PATCH is a JSON patch when the body is an array and a merge patch when it is an object; any other body is JSON or else YAML.
    /// Null when a PATCH is neither: the sender must say what it is.
    /// </summary>
    public static string? Choose(string method, ReadOnlySpan<byte> body) => (method, LooksLikeJson(body)) switch
    {
        ("PATCH", '[') => JsonPatch,
        ("PATCH", '{') => MergePatch,
        ("PATCH", _) => null,
        (_, null) when !body.IsEmpty => Yaml,
        _ => Json,
    };

    /// <summary>The bracket a JSON body opens with, or null.</summary>
    public static char? LooksLikeJson(ReadOnlySpan<byte> body)
    {
        body = body.TrimStart(" \t\r\n"u8);
        return body.IsEmpty || body[0] is not ((byte)'{' or (byte)'[') ? null : (char)body[0];
    }
}
