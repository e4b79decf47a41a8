using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Schema.Defaults;

public sealed class BuiltInDefaultsTests
{
    private const string Template = """{"spec":{"dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30,"containers":[{"name":"c","image":"nginx","imagePullPolicy":"Always","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}]}}""";

    public static TheoryData<string, string, string> Kinds => new()
    {
        { "deployments", """{"metadata":{"creationTimestamp":null,"labels":{"a":null}},"spec":{"strategy":{},"template":{"metadata":null,"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}""",
            $$"""{"metadata":{"labels":{"a":""} },"spec":{"replicas":1,"revisionHistoryLimit":10,"progressDeadlineSeconds":600,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"} },"template":{{Template}} } }""" },
        { "deployments", """{"spec":{"replicas":0,"strategy":{"type":"Recreate"}}}""", """{"spec":{"replicas":0,"revisionHistoryLimit":10,"progressDeadlineSeconds":600,"strategy":{"type":"Recreate"}}}""" },
        { "daemonsets", """{"spec":{}}""", """{"spec":{"revisionHistoryLimit":10,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1,"maxSurge":0}}}}""" },
        { "statefulsets", """{"spec":{}}""", """{"spec":{"replicas":1,"revisionHistoryLimit":10,"podManagementPolicy":"OrderedReady","updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":0}},"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain","whenScaled":"Retain"}}}""" },
        { "replicasets", """{"spec":{}}""", """{"spec":{"replicas":1}}""" },
        { "jobs", """{"metadata":{"name":"j","uid":"u"},"spec":{"template":{}}}""",
            """{"metadata":{"name":"j","uid":"u","labels":{"batch.kubernetes.io/controller-uid":"u","batch.kubernetes.io/job-name":"j","controller-uid":"u","job-name":"j"}},"spec":{"completions":1,"parallelism":1,"backoffLimit":6,"completionMode":"NonIndexed","suspend":false,"manualSelector":false,"podReplacementPolicy":"TerminatingOrFailed","selector":{"matchLabels":{"batch.kubernetes.io/controller-uid":"u"}},"template":{"metadata":{"labels":{"batch.kubernetes.io/controller-uid":"u","batch.kubernetes.io/job-name":"j","controller-uid":"u","job-name":"j"}}}}}""" },
        { "nodes", """{"spec":{"podCIDR":"10.1.0.0/24"}}""", """{"spec":{"podCIDR":"10.1.0.0/24","podCIDRs":["10.1.0.0/24"]}}""" },
        { "configmaps", """{"data":{},"binaryData":null,"metadata":{"finalizers":[],"labels":{}}}""", """{"metadata":{}}""" },
        { "resourcequotas", """{"metadata":{"name":"q"}}""", """{"metadata":{"name":"q"},"spec":{}}""" },
        { "cronjobs", """{"spec":{}}""", """{"spec":{"concurrencyPolicy":"Allow","suspend":false,"successfulJobsHistoryLimit":3,"failedJobsHistoryLimit":1}}""" },
        { "services", """{"spec":{"ports":[{"port":80}]}}""", """{"spec":{"type":"ClusterIP","sessionAffinity":"None","internalTrafficPolicy":"Cluster","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","ports":[{"port":80,"protocol":"TCP","targetPort":80}]}}""" },
        { "services", """{"spec":{"type":"LoadBalancer","ports":[{"port":80,"targetPort":"http"}]}}""", """{"spec":{"type":"LoadBalancer","sessionAffinity":"None","internalTrafficPolicy":"Cluster","externalTrafficPolicy":"Cluster","allocateLoadBalancerNodePorts":true,"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","ports":[{"port":80,"protocol":"TCP","targetPort":"http"}]}}""" },
        { "secrets", """{}""", """{"type":"Opaque"}""" },
        { "rolebindings", """{"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"}]}""", """{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"u"}]}""" },
        { "networkpolicies", """{"spec":{"podSelector":{},"egress":[{}]}}""", """{"spec":{"podSelector":{},"egress":[{}],"policyTypes":["Ingress","Egress"]}}""" },
        { "customresourcedefinitions", """{"spec":{"names":{"kind":"Foo"}}}""", """{"spec":{"conversion":{"strategy":"None"},"names":{"kind":"Foo","listKind":"FooList","singular":"foo"}}}""" },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Absent_fields_get_what_the_real_server_gives(string plural, string before, string expected)
    {
        KindInfo kind = SchemaCatalog.BuiltIn.All.First(k => k.Plural == plural);
        JsonObject obj = JsonNode.Parse(before)!.AsObject();
        SchemaCatalog.BuiltIn.Default(kind, obj);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), obj), $"expected {expected}\nbut was  {obj.ToJsonString()}");
        string once = obj.ToJsonString();
        SchemaCatalog.BuiltIn.Default(kind, obj);
        Assert.Equal(once, obj.ToJsonString());
    }

    [Theory]
    [InlineData("nginx", "Always")]
    [InlineData("nginx:latest", "Always")]
    [InlineData("nginx:1.2", "IfNotPresent")]
    [InlineData("host:5000/nginx", "Always")]
    [InlineData("host:5000/nginx:1", "IfNotPresent")]
    [InlineData("nginx@sha256:00", "IfNotPresent")]
    public void Pull_policy_follows_the_tag(string image, string expected)
    {
        JsonObject pod = new() { ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["image"] = image }) } };
        SchemaCatalog.BuiltIn.Default(SchemaCatalog.BuiltIn.Find("", "v1", "pods")!, pod);
        Assert.Equal(expected, (string?)pod["spec"]!["containers"]![0]!["imagePullPolicy"]);
    }

    [Fact]
    public void Pod_gets_probe_numbers_volume_modes_and_requests_from_its_limits()
    {
        JsonObject pod = JsonNode.Parse("""{"spec":{"serviceAccountName":"sa","containers":[{"image":"i:1","ports":[{"containerPort":1}],"livenessProbe":{"httpGet":{"port":1}},"resources":{"limits":{"cpu":"1"}}}],"volumes":[{"name":"a"},{"name":"b","configMap":{"name":"c"}}]}}""")!.AsObject();
        SchemaCatalog.BuiltIn.Default(SchemaCatalog.BuiltIn.Find("", "v1", "pods")!, pod);
        JsonNode container = pod["spec"]!["containers"]![0]!;
        Assert.Equal("""{"httpGet":{"port":1,"path":"/","scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}""", container["livenessProbe"]!.ToJsonString());
        Assert.Equal("1", (string?)container["resources"]!["requests"]!["cpu"]);
        Assert.Equal("TCP", (string?)container["ports"]![0]!["protocol"]);
        Assert.Equal("""[{"name":"a","emptyDir":{}},{"name":"b","configMap":{"name":"c","defaultMode":420}}]""", pod["spec"]!["volumes"]!.ToJsonString());
        Assert.Equal("sa", (string?)pod["spec"]!["serviceAccount"]);
        Assert.True((bool)pod["spec"]!["enableServiceLinks"]!);
    }
}
