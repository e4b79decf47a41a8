using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Resources;

/// <summary>The CustomResourceDefinitions of this product, embedded from <c>Resources/Crds/*.yaml</c>.</summary>
public static class Crds
{
    private const string Prefix = "crds/";

    /// <summary>Differs when any definition's text does. Costs far less than reading them.</summary>
    public static string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var name in Names())
        {
            using var stream = Open(name);
            var text = new byte[stream.Length];
            stream.ReadExactly(text);
            hash.AppendData(text);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Reads every definition, ordered by file name. Each call returns objects of its own, which the caller may change.</summary>
    public static IReadOnlyList<JsonObject> Load()
    {
        var all = new List<JsonObject>();
        foreach (var name in Names())
        {
            using var reader = new StreamReader(Open(name));
            all.AddRange(Yaml.Read(reader.ReadToEnd()).Cast<JsonObject>());
        }

        return all;
    }

    private static IEnumerable<string> Names() =>
        typeof(Crds).Assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    private static Stream Open(string name) =>
        typeof(Crds).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"embedded resource {name} is listed but cannot be opened");
}
