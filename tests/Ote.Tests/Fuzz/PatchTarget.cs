using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Fuzz;

/// <summary>
/// A patch of a Deployment: by the first byte of JSON, merge or strategic form, or applied. The object that is patched is not touched, and what comes of it can be
/// stored.
/// </summary>
internal sealed class PatchTarget : IFuzzTarget
{
    private const int Depth = 64;
    private static readonly KindInfo kind = SchemaCatalog.BuiltIn.Find("apps", "v1", "deployments")!;
    private readonly JsonObject doc = (JsonObject)JsonNode.Parse(ObjectTarget.Deployment)!;
    private readonly string was;

    public PatchTarget() => was = doc.ToJsonString();

    public IEnumerable<byte[]> Seeds =>
    [
        .. new[]
        {
            """j[{"op":"add","path":"/metadata/labels/x~1y","value":"z"},{"op":"remove","path":"/spec/template/spec/containers/1"},{"op":"test","path":"/spec/replicas","value":3.0}]""",
            """j[{"op":"copy","from":"/spec/template","path":"/x"},{"op":"move","from":"/x/spec/containers/0","path":"/x/spec/containers/-"},{"op":"replace","path":"/spec/replicas","value":1e2},{"op":"move","from":"","path":""}]""",
            """j[{"op":"test","path":"/spec/replicas","value":1e99999999999},{"op":"add","path":"","value":{}}]""",
            """m{"metadata":{"labels":{"app":null,"b":"c"},"resourceVersion":"5","managedFields":null},"spec":{"replicas":null,"strategy":{"rollingUpdate":null}}}""",
            """s{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"side"},{"name":"web"}],"containers":[{"name":"web","image":"y","ports":[{"containerPort":80,"$patch":"delete"}]},{"$patch":"delete","name":"side"}],"volumes":[{"$patch":"replace"},{"name":"w","emptyDir":{}}]}}}}""",
            """s{"metadata":{"$deleteFromPrimitiveList/finalizers":["example.org/a",1.0,null],"finalizers":["c",2,null],"$setElementOrder/finalizers":["c"],"ownerReferences":[{"uid":"u","$patch":"delete"}]},"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"},"selector":{"$patch":"replace","matchLabels":{}}},"$patch":"merge"}""",
            "aapiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {a: b}}\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n      - {name: web, image: y, ports: [{containerPort: 80}]}\n      - name: web\n",
            """f{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{}}}}}},"i:1":{},"v:\"x\"":{},"v:1e2":{},"k:{\"a\":1,\"a\":2}":{},"v:\"\\ud800\"":{},"q:x":{}}}""",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public string Try(byte[] input)
    {
        if (input.Length == 0) return "nothing";
        try
        {
            return (char)input[0] switch
            {
                'a' => Applied(PatchReader.ReadApplied(input[1..], Depth)),
                'f' => Fields(Body.ParseJson(input.AsSpan(1), Depth)),
                'm' => Patched("application/merge-patch+json", input[1..]),
                's' => Patched("application/strategic-merge-patch+json", input[1..]),
                _ => Patched("application/json-patch+json", input[1..]),
            };
        }
        catch (Exception refused) when (refused is FormatException or ApiError { Code: 400 or 413 or 415 or 422 } || (refused is ApiError { Code: 500 } typed && typed.Message.StartsWith("failed to create typed", StringComparison.Ordinal)))
        {
            return $"{("afms".Contains((char)input[0], StringComparison.Ordinal) ? (char)input[0] : 'j')} {refused.Message.Split(':', '\'', '"')[0]} {refused.Message.Length / 32}";
        }
    }

    private string Patched(string type, byte[] body)
    {
        Patch patch = PatchReader.Read(type, body, kind, Depth);
        JsonObject result;
        try
        {
            result = patch.Change(doc);
        }
        finally
        {
            Assert.Equal(was, doc.ToJsonString());
        }

        byte[] stored = EncodedObject.From(result).At(7);
        ObjectForm.Parse(stored, kind);
        bool same = JsonNode.DeepEquals(doc, result);
        result["apiVersion"] = kind.ApiVersion;
        result["kind"] = kind.Kind;
        return $"{type[12]} {same} {patch.SeesManagers} {ObjectTarget.Held(result)}";
    }

    private string Applied(JsonObject applied)
    {
        TypedKind typed = TypedKind.Of(kind, null);
        ApplyRules.Check(typed, kind.Kind, "web", applied);
        FieldSet fields = new AppliedFields(typed).Of(applied);
        Assert.True(fields.SetEquals(FieldsV1.Parse(FieldsV1.ToJson(fields))), "what is written of a set of fields is read as another");
        FieldChanges changes = new FieldComparison(typed).Compare(doc, applied);
        return $"applied {fields.IsEmpty} {changes.Written.IsEmpty} {changes.Removed.IsEmpty}";
    }

    private static string Fields(JsonNode? document)
    {
        FieldSet set = FieldsV1.Parse(document);
        Assert.True(set.SetEquals(FieldsV1.Parse(FieldsV1.ToJson(set))), "what is written of a set of fields is read as another");
        return $"fields {set.IsEmpty} {Math.Min(set.Branches.Length, 4)}";
    }
}
