using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Resources;

/// <summary>The CustomResourceDefinitions of this product, embedded from <c>Resources/Crds/*.yaml</c>.</summary>
public static class Crds
{
    private const string Prefix = "crds/";

    /// <summary>Reads every definition, ordered by file name. Each call returns objects of its own, which the caller may change.</summary>
    public static IReadOnlyList<JsonObject> Load()
    {
        var assembly = typeof(Crds).Assembly;
        var all = new List<JsonObject>();
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var stream = assembly.GetManifestResourceStream(name)
                ?? throw new InvalidOperationException($"embedded resource {name} is listed but cannot be opened");
            using var reader = new StreamReader(stream);
            all.AddRange(Yaml.Read(reader.ReadToEnd()).Cast<JsonObject>());
        }

        return all;
    }
}
