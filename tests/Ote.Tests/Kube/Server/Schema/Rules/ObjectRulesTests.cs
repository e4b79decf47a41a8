using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Schema.Rules;

public sealed class ObjectRulesTests
{
    private const string Web = """{"metadata":{"name":"x"},"spec":{"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}""";

    [Fact]
    public void Well_formed_deployment_has_no_faults() => Assert.Empty(Faults("deployments", Web));

    public static TheoryData<string, string, string> Refused => new()
    {
        // What is changed in the deployment above, with what, and the complaint.
        { "spec.template.metadata.labels.app", "\"y\"", "spec.template.metadata.labels: Invalid value: {\"app\":\"y\"}: `selector` does not match template `labels`" },
        { "spec.selector", "{}", "spec.selector: Invalid value: {}: empty selector is invalid for deployment" },
        { "spec.selector", "null", "spec.selector: Required value" },
        { "spec.template.spec.containers", "[]", "spec.template.spec.containers: Required value" },
        { "spec.template.spec.containers.0.name", "null", "spec.template.spec.containers[0].name: Required value" },
        { "spec.template.spec.containers.0.name", "\"Bad_Name\"", "spec.template.spec.containers[0].name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')" },
        { "spec.template.spec.containers.0.image", "\"\"", "spec.template.spec.containers[0].image: Required value" },
        { "spec.template.spec.containers.0.imagePullPolicy", "\"Sometimes\"", "spec.template.spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\"" },
        { "spec.template.spec.containers.0.ports", "[{\"containerPort\":70000}]", "spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive" },
        { "spec.template.spec.containers.0.volumeMounts", "[{\"name\":\"v\",\"mountPath\":\"/v\"}]", "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"v\"" },
        { "spec.template.spec.containers.0.resources", "{\"requests\":{\"cpu\":\"2\"},\"limits\":{\"cpu\":\"1500m\"}}", "spec.template.spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1500m" },
        { "spec.template.spec.containers.0.resources", "{\"requests\":{\"memory\":-1}}", "spec.template.spec.containers[0].resources.requests[memory]: Invalid value: \"-1\": must be greater than or equal to 0" },
        { "spec.template.spec.containers.0.readinessProbe", "{}", "spec.template.spec.containers[0].readinessProbe: Required value: must specify a handler type" },
        { "spec.template.spec.containers", "[{\"name\":\"c\",\"image\":\"i\"},{\"name\":\"c\",\"image\":\"i\"}]", "spec.template.spec.containers[1].name: Duplicate value: \"c\"" },
        { "spec.template.spec.restartPolicy", "\"Never\"", "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"" },
        { "spec.replicas", "-1", "spec.replicas: Invalid value: -1: must be greater than or equal to 0" },
        { "spec.strategy", "{\"type\":\"Recreate\",\"rollingUpdate\":{}}", "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'" },
        { "metadata.name", "\"Not_OK\"", "metadata.name: Invalid value: \"Not_OK\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')" },
        { "metadata.name", "null", "metadata.name: Required value: name or generateName is required" },
        { "metadata.labels", "{\"a\":\"b c\"}", "metadata.labels: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')" },
        { "metadata.finalizers", "[\"hold\"]", "metadata.finalizers[0]: Invalid value: \"hold\": name is neither a standard finalizer name nor is it fully qualified" },
        { "metadata.finalizers", "[\"orphan\",\"foregroundDeletion\"]", "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan and foregroundDeletion cannot be both set" },
        { "spec.replicas", "2.0", "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal number 2.0 into Go struct field DeploymentSpec.spec.replicas of type int32" },
        { "spec.template.spec.containers.0.env", "[{\"name\":\"a=b\"}]", "spec.template.spec.containers[0].env[0].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='" },
        { "spec.template.spec.containers.0.env", "[{\"name\":\"A\",\"valueFrom\":{}}]", "spec.template.spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`" },
        { "spec.template.spec.containers.0.env", "[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"spec.nodeName\"},\"secretKeyRef\":{\"name\":\"a\",\"key\":\"b\"}}}]", "spec.template.spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not have more than one field specified at a time" },
        { "spec.template.spec.containers.0.env", "[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.what\"}}}]", "spec.template.spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"metadata.what\": error converting fieldPath: field label not supported: metadata.what" },
        { "spec.template.spec.containers.0.envFrom", "[{\"prefix\":\"A=\",\"configMapRef\":{\"name\":\"x\"}}]", "spec.template.spec.containers[0].envFrom[0].prefix: Invalid value: \"A=\": a valid environment variable name must consist only of printable ASCII characters other than '='" },
        { "spec.template.spec.containers.0.envFrom", "[{\"prefix\":\"A\"}]", "spec.template.spec.containers[0].envFrom: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`" },
        { "spec.template.spec.containers.0.envFrom", "[{\"secretRef\":{\"name\":\"a\"},\"configMapRef\":{\"name\":\"x\"}}]", "spec.template.spec.containers[0].envFrom: Invalid value: \"\": may not have more than one field specified at a time" },
        { "metadata.annotations", "{\"/a\":\"b\"}", "metadata.annotations: Invalid value: \"/a\": prefix part must be non-empty" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Deployment_with_a_fault_is_refused_in_the_real_servers_words(string path, string value, string expected)
    {
        JsonObject obj = Json(Web);
        Put(obj, path, JsonNode.Parse(value));
        Assert.Equal([expected], Faults("deployments", obj));
    }

    [Theory]
    [InlineData("services", """{"metadata":{"name":"s"},"spec":{}}""", "spec.ports: Required value")]
    [InlineData("services", """{"metadata":{"name":"s"},"spec":{"ports":[{"port":80},{"port":81,"name":"b"}]}}""", "spec.ports[0].name: Required value")]
    [InlineData("services", """{"metadata":{"name":"s"},"spec":{"type":"ExternalName"}}""", "spec.externalName: Required value")]
    [InlineData("services", """{"metadata":{"name":"s"},"spec":{"type":"Strange","ports":[{"port":80}]}}""", "spec.type: Unsupported value: \"Strange\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"")]
    [InlineData("jobs", """{"metadata":{"name":"s"},"spec":{"template":{"spec":{"containers":[{"name":"a","image":"i"}]}}}}""", "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"")]
    [InlineData("cronjobs", """{"metadata":{"name":"s"},"spec":{"schedule":"bad","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"i"}]}}}}}}""", "spec.schedule: Invalid value: \"bad\": expected exactly 5 fields, found 1: [bad]")]
    [InlineData("configmaps", """{"metadata":{"name":"s"},"data":{"a/b":"c"}}""", "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')")]
    [InlineData("networkpolicies", """{"metadata":{"name":"n"},"spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["192.168.0.0/16"]}}]}]}}""", "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"192.168.0.0/16\": must be a strict subset of `cidr`")]
    [InlineData("networkpolicies", """{"metadata":{"name":"n"},"spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/8"]}}]}]}}""", "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"10.0.0.0/8\": must be a strict subset of `cidr`")]
    [InlineData("networkpolicies", """{"metadata":{"name":"n"},"spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/7"]}}]}]}}""", "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"10.0.0.0/7\": must be a strict subset of `cidr`")]
    [InlineData("networkpolicies", """{"metadata":{"name":"n"},"spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["fd00::/64"]}}]}]}}""", "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"fd00::/64\": must be a strict subset of `cidr`")]
    [InlineData("networkpolicies", """{"metadata":{"name":"n"},"spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["nope"]}}]}]}}""", "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"nope\": not a valid CIDR")]
    [InlineData("networkpolicies", """{"metadata":{"name":"n"},"spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"},"podSelector":{}}]}]}}""", "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer")]
    [InlineData("roles", """{"metadata":{"name":"s"},"rules":[{"apiGroups":[""],"resources":["pods"]}]}""", "rules[0].verbs: Required value: verbs must contain at least one value")]
    [InlineData("clusterrolebindings", """{"metadata":{"name":"system:x"},"roleRef":{"kind":"Role","name":"r"}}""", "roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\"")]
    [InlineData("persistentvolumeclaims", """{"metadata":{"name":"s"},"spec":{"resources":{"requests":{"storage":"1Gi"}}}}""", "spec.accessModes: Required value: at least 1 access mode is required")]
    [InlineData("ingresses", """{"metadata":{"name":"s"},"spec":{}}""", "spec: Invalid value: {}: either `defaultBackend` or `rules` must be specified")]
    [InlineData("secrets", """{"metadata":{"name":"s"},"type":"kubernetes.io/ssh-auth","data":{"a":"eA=="}}""", "data[ssh-privatekey]: Required value")]
    [InlineData("secrets", """{"metadata":{"name":"s"},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"eA=="}}""", "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'x' looking for beginning of value")]
    [InlineData("persistentvolumes", """{"metadata":{"name":"v"},"spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"}}}""", "spec: Required value: must specify a volume type")]
    [InlineData("limitranges", """{"metadata":{"name":"s"},"spec":{"limits":[{"type":"Pod","min":{"cpu":"2"},"max":{"cpu":"1"}}]}}""", "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1")]
    [InlineData("resourcequotas", """{"metadata":{"name":"s"},"spec":{"hard":{"pods":-1}}}""", "spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0")]
    [InlineData("leases", """{"metadata":{"name":"s"},"spec":{"leaseTransitions":-1}}""", "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("priorityclasses", """{"metadata":{"name":"s"},"value":2000000000}""", "value: Forbidden: maximum allowed value of a user defined priority is 1000000000")]
    [InlineData("networkpolicies", """{"metadata":{"name":"s"},"spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/33"}}]}]}}""", "spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"10.0.0.0/33\": not a valid CIDR")]
    [InlineData("networkpolicies", """{"metadata":{"name":"s"},"spec":{"podSelector":{},"egress":[{"ports":[{"port":0}]}]}}""", "spec.egress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive")]
    [InlineData("endpoints", """{"metadata":{"name":"s"},"subsets":[{"ports":[{"port":1},{"name":"b","port":2}]}]}""", "subsets[0].ports[0].name: Required value")]
    [InlineData("services", """{"metadata":{"name":"s"},"spec":{"clusterIP":"here","ports":[{"port":80}]}}""", "spec.clusterIPs[0]: Invalid value: \"here\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    [InlineData("ingresses", """{"metadata":{"name":"s"},"spec":{"rules":[{"http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"a","port":{}}}}]}}]}}""", "spec.rules[0].http.paths[0].backend: Required value: port name or number is required")]
    [InlineData("pods", """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"i","livenessProbe":{"tcpSocket":{"port":0}}}]}}""", "spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive")]
    [InlineData("pods", """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"i","livenessProbe":{"exec":{"command":["x"]},"tcpSocket":{"port":1}}}]}}""", "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type")]
    public void Object_with_a_fault_is_refused(string plural, string json, string expected) => Assert.Equal([expected], Faults(plural, Json(json)));

    [Fact]
    public void Least_of_a_container_is_held_against_the_defaults_that_follow_from_the_most() => Assert.Equal(
        [
            "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
            "spec.limits[0].defaultRequest[cpu]: Invalid value: \"1\": min value 2 is greater than default request value 1",
            "spec.limits[0].default[cpu]: Invalid value: \"2\": min value 2 is greater than default value 1",
        ],
        Faults("limitranges", Json("""{"metadata":{"name":"s"},"spec":{"limits":[{"type":"Container","min":{"cpu":"2"},"max":{"cpu":"1"}}]}}""")));

    [Theory]
    [InlineData("networkpolicies", """{"metadata":{"name":"n"},"spec":{"podSelector":{},"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.5/16","except":["10.0.1.0/24"]}}]}]}}""")]
    [InlineData("configmaps", """{"metadata":{"name":"n","finalizers":["kubernetes","orphan","test.ote/hold"]}}""")]
    [InlineData("pods", """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"i","env":[{"name":"1 any..thing","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['a/b']"}}}]}]}}""")]
    [InlineData("csinodes", """{"metadata":{"name":"n"},"spec":{"drivers":null}}""")]
    [InlineData("nodes", """{"metadata":{"name":"n","labels":{"kubernetes.io/hostname":"n"}},"spec":{},"status":{"capacity":{"cpu":4}}}""")]
    [InlineData("clusterroles", """{"metadata":{"name":"system:node"},"rules":[{"nonResourceURLs":["/healthz"],"verbs":["get"]}]}""")]
    [InlineData("pods", """{"metadata":{"generateName":"web-"},"spec":{"containers":[{"name":"a","image":"i","resources":{"limits":{"memory":1048576}},"livenessProbe":{"httpGet":{"port":"http"}}}]}}""")]
    [InlineData("endpointslices", """{"metadata":{"name":"e"},"addressType":"IPv4","endpoints":null}""")]
    [InlineData("services", """{"metadata":{"name":"s"},"spec":{"clusterIP":"None"}}""")]
    [InlineData("leases", """{"metadata":{"name":"s"},"spec":{"holderIdentity":"x","leaseDurationSeconds":15,"renewTime":"2026-01-01T00:00:00.000000Z"}}""")]
    [InlineData("events", """{"metadata":{"name":"s","namespace":"d"},"involvedObject":{"namespace":"d","kind":"Pod"},"reason":"x","message":"m","source":{"component":"c"},"firstTimestamp":null}""")]
    public void Object_that_clients_send_is_accepted(string plural, string json) => Assert.Empty(Faults(plural, Json(json)));

    [Theory]
    [InlineData("deployments", """{"spec":{"selector":{"matchLabels":{"a":"1"}}}}""", """{"spec":{"selector":{"matchLabels":{"a":"2"}}}}""", "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"2\"}}: field is immutable")]
    [InlineData("deployments", """{"spec":{"replicas":1}}""", """{"spec":{"replicas":2}}""", null)]
    [InlineData("secrets", """{"type":"a"}""", """{"type":"b"}""", "type: Invalid value: \"b\": field is immutable")]
    [InlineData("configmaps", """{"immutable":true,"data":{"a":"1"}}""", """{"immutable":true,"data":{"a":"2"}}""", "data: Forbidden: field is immutable when `immutable` is set")]
    [InlineData("rolebindings", """{"roleRef":{"name":"a"}}""", """{"roleRef":{"name":"b"}}""", "roleRef: Invalid value: {\"name\":\"b\"}: cannot change roleRef")]
    [InlineData("pods", """{"spec":{"containers":[{"name":"a","image":"1"}]}}""", """{"spec":{"containers":[{"name":"a","image":"2"}]}}""", null)]
    public void Change_is_refused_where_a_field_is_fixed(string plural, string before, string after, string? expected)
    {
        IEnumerable<string> errors = SchemaCatalog.BuiltIn.ValidateUpdate(Kind(plural), Json(before), Json(after)).Select(e => e.ToString());
        Assert.Equal(expected is null ? [] : [expected], errors);
    }

    [Fact]
    public void Refusal_is_a_status_with_a_cause_for_each_fault()
    {
        JsonObject obj = Json(Web);
        Put(obj, "spec.template.metadata.labels.app", "y");
        KindInfo kind = Kind("deployments");
        JsonObject status = InvalidStatus.Of(kind, "x", SchemaCatalog.BuiltIn.Validate(kind, obj));
        Assert.Equal("Deployment.apps \"x\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"y\"}: `selector` does not match template `labels`", (string?)status["message"]);
        Assert.Equal("FieldValueInvalid", (string?)status["details"]!["causes"]![0]!["reason"]);
        Assert.Equal("spec.template.metadata.labels", (string?)status["details"]!["causes"]![0]!["field"]);
        Assert.Equal((422, "Invalid"), ((int)status["code"]!, (string?)status["reason"]));
    }

    private static List<string> Faults(string plural, string json) => Faults(plural, Json(json));

    private static List<string> Faults(string plural, JsonObject obj)
    {
        KindInfo kind = Kind(plural);
        SchemaCatalog.BuiltIn.Default(kind, obj);
        return [.. SchemaCatalog.BuiltIn.Validate(kind, obj).Select(e => e.ToString())];
    }

    private static KindInfo Kind(string plural) => SchemaCatalog.BuiltIn.All.First(k => k.Plural == plural);

    private static void Put(JsonObject obj, string path, JsonNode? value)
    {
        string[] parts = path.Split('.');
        JsonNode node = obj;
        foreach (string part in parts[..^1])
            node = node is JsonArray list ? list[int.Parse(part, System.Globalization.CultureInfo.InvariantCulture)]! : node[part]!;
        node[parts[^1]] = value;
    }

    private static JsonObject Json(string json) => JsonNode.Parse(json)!.AsObject();
}
