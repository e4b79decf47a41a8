using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>
/// An index over the bundled schema data: where each definition lies in the embedded resource. A definition is read and parsed when it is first
/// asked for, so that a process that serves ten kinds does not hold six hundred. Safe on any thread.
/// </summary>
internal sealed class SchemaData
{
    private const string ResourceName = "kubernetes.json";
    private readonly Dictionary<string, (int Offset, int Length)> _where;
    private readonly ConcurrentDictionary<string, SchemaNode> _nodes = new(StringComparer.Ordinal);

    private string? _fingerprint;

    private SchemaData(Dictionary<string, (int Offset, int Length)> where, JsonArray resources)
    {
        _where = where;
        Resources = resources;
    }

    /// <summary>The resources as the data lists them: name, kind, groupVersion, verbs, shortNames, categories.</summary>
    public JsonArray Resources { get; }

    /// <summary>Differs when the data does. Computed on first use: most servers are never asked for OpenAPI.</summary>
    public string Fingerprint => _fingerprint ??= Convert.ToHexString(SHA256.HashData(Read(0, null)));

    public bool Has(string name) => _where.ContainsKey(name);

    public static SchemaData Load()
    {
        byte[] all = Read(0, null);
        Dictionary<string, (int, int)> where = new(640, StringComparer.Ordinal);
        JsonArray resources = [];
        Utf8JsonReader reader = new(all);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool definitions = reader.ValueTextEquals("definitions"u8);
            bool isResources = reader.ValueTextEquals("resources"u8);
            reader.Read();
            if (definitions)
                IndexDefinitions(ref reader, where);
            else if (isResources)
                resources = JsonNode.Parse(ref reader)!.AsArray();
            else
                reader.Skip();
        }
        return new SchemaData(where, resources);
    }

    /// <summary>The compiled form of a definition, the same instance each time.</summary>
    public SchemaNode Node(string name) =>
        _nodes.TryGetValue(name, out SchemaNode? node) ? node : _nodes.GetOrAdd(name, DefinitionReader.Read(name, Raw(name), this));

    /// <summary>The definition's JSON, parsed anew for each call.</summary>
    public JsonObject Raw(string name)
    {
        if (!_where.TryGetValue(name, out (int Offset, int Length) at))
            throw new KeyNotFoundException($"The bundled schema data has no definition '{name}'.");
        return JsonNode.Parse(Read(at.Offset, at.Length))!.AsObject();
    }

    private static void IndexDefinitions(ref Utf8JsonReader reader, Dictionary<string, (int, int)> where)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            where[name] = (start, (int)reader.BytesConsumed - start);
        }
    }

    private static byte[] Read(int offset, int? length)
    {
        // The stream is a window on the mapped assembly: opening it again costs nothing, holding the bytes would cost 260 KB a process.
        using Stream stream = typeof(SchemaData).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The assembly lacks its embedded resource '{ResourceName}'; rebuild Ote.Kube.Server.");
        byte[] bytes = new byte[length ?? (int)stream.Length];
        stream.Position = offset;
        stream.ReadExactly(bytes);
        return bytes;
    }
}
