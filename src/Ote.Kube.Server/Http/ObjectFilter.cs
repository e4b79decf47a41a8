using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Selectors;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>The label and field selectors of a list or watch.</summary>
internal sealed class ObjectFilter
{
    private readonly LabelSelector _labels;
    private readonly FieldSelector _fields;
    private readonly KindInfo _kind;
    private readonly string? _name;
    private readonly string? _namespace;
    private readonly bool _needsFields;
    private readonly IReadOnlySet<string>? _among;

    private ObjectFilter(LabelSelector labels, FieldSelector fields, KindInfo kind, IReadOnlySet<string>? among)
    {
        _among = among;
        _kind = kind;
        _labels = labels;
        _fields = fields;
        _name = fields.Required("metadata.name");
        _namespace = fields.Required("metadata.namespace");
        var inKey = (_name is null ? 0 : 1) + (_namespace is null ? 0 : 1);
        _needsFields = fields.Terms.Count > inKey;
    }

    /// <summary>Whether every object passes.</summary>
    public bool IsEverything => _among is null && _labels.IsEverything && _fields.IsEverything;

    /// <summary>What every object that passes has, as <see cref="PageQuery.Terms"/> has it.</summary>
    public IReadOnlyList<string> Terms => 
    [
        .. _labels.Requirements.Where(r => r is { Operator: LabelOperator.In, Values.Count: 1 }).Select(r => $"l {r.Key}={r.Values[0]}"),
        .. _among is { Count: 1 } ? _among.Select(cluster => $"l {ObjectOrigin.ClusterLabel}={cluster}") : [],
        .. _fields.Terms.Where(f => f.Equal).Select(f => $"f {f.Path}={f.Value}"),
    ];

    /// <summary>Reads the selectors of a request.</summary>
    public static ObjectFilter Of(ApiRequest request)
    {
        try
        {
            return new ObjectFilter(
                LabelSelector.Parse(request.Query.Text("labelSelector") ?? ""), FieldSelector.Parse(request.Query.Text("fieldSelector") ?? "", request.Kind), request.Kind, request.Among);
        }
        catch (SelectorException bad)
        {
            throw ApiError.BadRequest(bad.Message);
        }
    }

    /// <summary>Whether an object passes. Parses as little of it as the selectors need.</summary>
    public bool Matches(StoreKey key, byte[] json)
    {
        if ((_name is not null && _name != key.Name) || (_namespace is not null && _namespace != key.Namespace))
        {
            return false;
        }

        if (_among is not null && !(Labels(json)?[ObjectOrigin.ClusterLabel] is JsonValue cluster && cluster.TryGetValue<string>(out var name) && _among.Contains(name)))
        {
            return false;
        }

        if (_needsFields)
        {
            var obj = ObjectForm.Parse(json, _kind);
            return _fields.Matches(obj) && _labels.Matches(obj["metadata"]?["labels"] as JsonObject);
        }

        return _labels.IsEverything || _labels.Matches(Labels(json));
    }

    /// <summary>Reads <c>metadata.labels</c>; stored objects have metadata before all else that is long.</summary>
    private static JsonObject? Labels(byte[] json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = ObjectJson.StoredDepth });
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (reader.CurrentDepth == 1 && !reader.ValueTextEquals("metadata"u8))
            {
                reader.Skip();
            }
            else if (reader.CurrentDepth == 2)
            {
                if (reader.ValueTextEquals("labels"u8))
                {
                    reader.Read();
                    return JsonNode.Parse(ref reader) as JsonObject;
                }

                reader.Skip();
            }
        }

        return null;
    }
}
