using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Http.Protobuf;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Fuzz;

/// <summary>
/// An object that a client sends, in JSON, YAML or protobuf by the first byte, as far as the store: read, held against its schema, completed, encoded, and read
/// again as it was.
/// </summary>
internal sealed class ObjectTarget : IFuzzTarget
{
    public const string Deployment = """
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"default","labels":{"app":"web"},"annotations":{"a":"\u00e9\ud83d\ude00"},
        "creationTimestamp":"2026-01-02T03:04:05Z","finalizers":["example.org/a","example.org/b"],"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u","controller":true}]},
        "spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"In","values":["a","b"]}]},
        "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},
        "template":{"metadata":{"labels":{"app":"web","tier":"a"}},"spec":{"containers":[{"name":"web","image":"nginx:1","ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":443}],
        "env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],"resources":{"limits":{"cpu":"500m","memory":1e3}},
        "livenessProbe":{"httpGet":{"path":"/","port":"http"},"periodSeconds":10}},{"name":"side","image":"x"}],"volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}],
        "tolerations":[{"key":"k","operator":"Exists","tolerationSeconds":5}]}}},"status":{"replicas":1,"conditions":[{"type":"Available","status":"True"}]}}
        """;

    private const int Depth = 64;

    public IEnumerable<byte[]> Seeds =>
    [
        .. new[]
        {
            "j" + Deployment, "y" + Yaml.Write(JsonNode.Parse(Deployment)),
            "j" + """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:k":{}}}}]},"data":{"k":"\ud800"},"binaryData":{"b":"AQID"},"immutable":false}""",
            "j" + """{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":80,"targetPort":"http","nodePort":1e99999999999}],"type":"NodePort","selector":{"a":null}}}""",
            "j" + """{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"a"},"spec":{"schedule":"*/5 0-3 1,2 jan sun","timeZone":"Etc/UTC","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"b"}]}}}}}}""",
            "j" + """{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"gadgets.test.ote"},"spec":{"group":"test.ote","scope":"Namespaced","names":{"plural":"gadgets","kind":"Gadget"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{"type":"string","pattern":"^a+$","enum":["a"],"default":"a"},"n":{"type":"integer","minimum":1,"maximum":5}}}}}}}]}}""",
            "j" + """{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"r"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}],"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}}""",
            "j" + """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"e30="},"stringData":{"k":"v"}}""",
            "y" + "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a, labels: {k: &v 'x'}}\ndata:\n  a: |-\n    text\n  b: >\n    folded\n\n  ? c\n  : *v\n  d: \"\\ud83d\\ude00\\x41\\uD800\"\n  ? *v\n  : 0x1F\nmore: [*m, {a: 1e3, b: ~, c: .5, d: -0}]\n--- # end\n",
            "y" + "a: &a [1,2]\nb: &b [*a,*a]\n? *b\n: [[[[{}]]]]\n<<: *a\n%TAG ! tag:x,2000:\n",
        }.Select(Encoding.UTF8.GetBytes),
        .. Protobuf.Seeds().Select(body => (byte[])[(byte)'p', .. body]),
    ];

    public string Try(byte[] input)
    {
        if (input.Length == 0) return "nothing";
        char form = input[0] is (byte)'p' or (byte)'y' ? (char)input[0] : 'j';
        try
        {
            string type = input[0] switch { (byte)'p' => ProtobufBody.MediaType, (byte)'y' => "application/yaml", _ => "application/json" };
            JsonObject obj = Body.ParseObject(input[1..], type, Depth);
            string text = obj.ToJsonString();
            if (input[0] == 'y') Assert.Equal(text, Yaml.Read(Yaml.Write(obj)) is [var only] ? only.ToJsonString() : null);
            return $"{form} {Held(obj)}";
        }
        catch (ApiError refused) when (refused.Code is 400 or 415)
        {
            return $"{form} {refused.Code} {refused.Message.Split(':', '\'', '"')[0]} {refused.Message.Length / 32}";
        }
    }

    /// <summary>Takes an object the way to the store and back.</summary>
    public static string Held(JsonObject obj)
    {
        SchemaCatalog catalog = SchemaCatalog.BuiltIn;
        if (catalog.FindKind(obj.Text("apiVersion") ?? "", obj.Text("kind") ?? "") is not { } kind) return "no kind";
        int unknown = catalog.Prune(kind, obj).Count;
        catalog.Default(kind, obj);
        IReadOnlyList<FieldError> errors = catalog.Validate(kind, obj);
        if (errors.Count > 0) return $"{kind.Kind} {Math.Min(unknown, 2)} {errors[0].Type} {errors[0].Path.Split('[')[0]}";
        byte[] stored = EncodedObject.From(obj).At(7);
        Assert.Equal(EncodedObject.From(ObjectForm.Parse(stored, kind)).At(7), stored);
        return $"{kind.Kind} {Math.Min(unknown, 2)}";
    }
}
