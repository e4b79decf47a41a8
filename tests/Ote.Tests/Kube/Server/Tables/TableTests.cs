using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Tables;
using Ote.Tests.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Tables;

public sealed class TableTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private const string Created = "\"creationTimestamp\":\"2026-01-02T03:00:00Z\"";

    [Theory]
    [InlineData("""{"phase":"Pending"}""", "0/1", "Pending", "0")]
    [InlineData("""{"phase":"Pending","containerStatuses":[{"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}""", "0/1", "ContainerCreating", "0")]
    [InlineData("""{"phase":"Running","containerStatuses":[{"ready":true,"restartCount":2,"state":{"running":{}},"lastState":{"terminated":{"finishedAt":"2026-01-02T03:03:05Z"}}}]}""", "1/1", "Running", "2 (60s ago)")]
    [InlineData("""{"phase":"Running","containerStatuses":[{"restartCount":5,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}""", "0/1", "CrashLoopBackOff", "5")]
    [InlineData("""{"phase":"Succeeded","containerStatuses":[{"restartCount":0,"state":{"terminated":{"reason":"Completed","exitCode":0}}}]}""", "0/1", "Completed", "0")]
    [InlineData("""{"phase":"Failed","containerStatuses":[{"restartCount":0,"state":{"terminated":{"exitCode":3}}}]}""", "0/1", "ExitCode:3", "0")]
    [InlineData("""{"phase":"Failed","containerStatuses":[{"restartCount":0,"state":{"terminated":{"signal":9,"exitCode":137}}}]}""", "0/1", "Signal:9", "0")]
    [InlineData("""{"phase":"Failed","reason":"Evicted"}""", "0/1", "Evicted", "0")]
    [InlineData("""{"phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":0,"state":{"running":{}}}]}""", "0/1", "Init:0/1", "0")]
    [InlineData("""{"phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}""", "0/1", "Init:CrashLoopBackOff", "3")]
    [InlineData("""{"phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":1,"state":{"terminated":{"exitCode":2}}}]}""", "0/1", "Init:ExitCode:2", "1")]
    public void Pod_row_says_what_its_containers_do(string status, string ready, string shown, string restarts)
    {
        JsonObject pod = Json($$"""{"metadata":{"name":"p",{{Created}}},"spec":{"containers":[{"name":"c"}],"initContainers":[{"name":"i"}]},"status":{{status}}}""");
        Assert.Equal(["p", ready, shown, restarts, "4m5s", "<none>", "<none>", "<none>", "<none>"], Row("", "pods", pod));
    }

    [Fact]
    public void Pod_being_deleted_is_terminating_unless_it_has_ended()
    {
        JsonObject pod = Json("""{"metadata":{"name":"p","deletionTimestamp":"2026-01-02T03:00:00Z"},"spec":{"containers":[{}]},"status":{"phase":"Running"}}""");
        Assert.Equal("Terminating", Row("", "pods", pod)[2]);
        pod["status"]!["phase"] = "Succeeded";
        Assert.Equal("Succeeded", Row("", "pods", pod)[2]);
    }

    public static TheoryData<string, string, string, string> Kinds => new()
    {
        { "apps", "deployments", """{"spec":{"replicas":3,"selector":{"matchLabels":{"app":"x"}},"template":{"spec":{"containers":[{"name":"a","image":"i"},{"name":"b","image":"j"}]}}},"status":{"readyReplicas":2,"updatedReplicas":3,"availableReplicas":2}}""",
            "n|2/3|3|2|4m5s|a,b|i,j|app=x" },
        { "apps", "replicasets", """{"spec":{"replicas":3,"selector":{"matchLabels":{"b":"1","a":"2"}},"template":{"spec":{"containers":[{"name":"a","image":"i"}]}}},"status":{"replicas":3,"readyReplicas":1}}""",
            "n|3|3|1|4m5s|a|i|a=2,b=1" },
        { "apps", "daemonsets", """{"spec":{"selector":{"matchLabels":{"a":"2"}},"template":{"spec":{"nodeSelector":{"k":"v"},"containers":[{"name":"a","image":"i"}]}}},"status":{"desiredNumberScheduled":2,"currentNumberScheduled":2,"numberReady":1,"updatedNumberScheduled":2,"numberAvailable":1}}""",
            "n|2|2|1|2|1|k=v|4m5s|a|i|a=2" },
        { "apps", "statefulsets", """{"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"a","image":"i"}]}}},"status":{"readyReplicas":1}}""", "n|1/2|4m5s|a|i" },
        { "batch", "jobs", """{"spec":{"completions":2,"template":{"spec":{"containers":[{"name":"a","image":"i"}]}}},"status":{"succeeded":2,"startTime":"2026-01-02T03:00:00Z","completionTime":"2026-01-02T03:00:07Z","conditions":[{"type":"Complete","status":"True"}]}}""",
            "n|Complete|2/2|7s|4m5s|a|i|<none>" },
        { "batch", "cronjobs", """{"spec":{"schedule":"* * * * *","suspend":false,"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"i"}]}}}}},"status":{"lastScheduleTime":"2026-01-02T03:03:35Z"}}""",
            "n|* * * * *|<none>|False|0|30s|4m5s|a|i|<none>" },
        { "", "services", """{"spec":{"type":"NodePort","clusterIP":"10.0.0.1","ports":[{"port":80,"nodePort":30080},{"port":53,"protocol":"UDP"}],"selector":{"app":"x"}}}""",
            "n|NodePort|10.0.0.1|<none>|80:30080/TCP,53/UDP|4m5s|app=x" },
        { "", "services", """{"spec":{"type":"LoadBalancer","clusterIP":"10.0.0.1","ports":[{"port":80}]}}""", "n|LoadBalancer|10.0.0.1|<pending>|80/TCP|4m5s|<none>" },
        { "", "endpoints", """{"subsets":[{"addresses":[{"ip":"1.1.1.1"},{"ip":"1.1.1.2"},{"ip":"1.1.1.3"},{"ip":"1.1.1.4"}],"ports":[{"port":80}]}]}""",
            "n|1.1.1.1:80,1.1.1.2:80,1.1.1.3:80 + 1 more...|4m5s" },
        { "discovery.k8s.io", "endpointslices", """{"addressType":"IPv4","ports":[{"port":80}],"endpoints":[{"addresses":["1.1.1.1"]}]}""", "n|IPv4|80|1.1.1.1|4m5s" },
        { "", "nodes", """{"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],"addresses":[{"type":"InternalIP","address":"10.0.0.2"}],"nodeInfo":{"kubeletVersion":"v1.36.0","osImage":"Debian","kernelVersion":"6.1","containerRuntimeVersion":"simulated://1"}}}""",
            "n|Ready,SchedulingDisabled|<none>|4m5s|v1.36.0|10.0.0.2|<none>|Debian|6.1|simulated://1" },
        { "", "namespaces", """{"status":{"phase":"Active"}}""", "n|Active|4m5s" },
        { "", "configmaps", """{"data":{"a":"1"},"binaryData":{"b":"eA=="}}""", "n|2|4m5s" },
        { "", "secrets", """{"type":"Opaque","data":{"a":"eA=="}}""", "n|Opaque|1|4m5s" },
        { "", "events", """{"involvedObject":{"kind":"Pod","name":"p"},"type":"Normal","reason":"Started","message":"Started it\n","count":3,"firstTimestamp":"2026-01-02T03:00:00Z","lastTimestamp":"2026-01-02T03:04:00Z","source":{"component":"kubelet","host":"n1"}}""",
            "5s|Normal|Started|pod/p||kubelet, n1|Started it|4m5s|3|n" },
        { "coordination.k8s.io", "leases", """{"spec":{"holderIdentity":"me"}}""", "n|me|4m5s" },
        { "rbac.authorization.k8s.io", "clusterroles", "{}", "n|2026-01-02T03:00:00Z" },
        { "rbac.authorization.k8s.io", "rolebindings", """{"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"},{"kind":"ServiceAccount","namespace":"ns","name":"sa"}]}""",
            "n|Role/r|4m5s|u||ns/sa" },
        { "", "persistentvolumes", """{"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"persistentVolumeReclaimPolicy":"Retain","claimRef":{"namespace":"a","name":"b"},"storageClassName":"fast","volumeMode":"Filesystem"},"status":{"phase":"Bound"}}""",
            "n|1Gi|RWO|Retain|Bound|a/b|fast|<unset>||4m5s|Filesystem" },
        { "networking.k8s.io", "ingresses", """{"spec":{"rules":[{"host":"a.b"}],"tls":[{}]},"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}}}""", "n|<none>|a.b|1.2.3.4|80, 443|4m5s" },
        { "apiextensions.k8s.io", "customresourcedefinitions", "{}", "n|2026-01-02T03:00:00Z" },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Row_shows_what_kubectl_users_know(string group, string plural, string body, string expected)
    {
        JsonObject obj = Json(body);
        obj["metadata"] = Json($$"""{"name":"n",{{Created}}}""");
        Assert.Equal(expected, string.Join('|', Row(group, plural, obj)));
    }

    [Fact]
    public void Every_kind_renders_an_empty_object_with_as_many_cells_as_columns()
    {
        foreach (KindInfo kind in SchemaCatalog.BuiltIn.All)
        {
            JsonObject table = TableRenderer.Render(kind, [[]], s_now, null, IncludeObject.None);
            Assert.Equal(table["columnDefinitions"]!.AsArray().Count, table["rows"]![0]!["cells"]!.AsArray().Count);
        }
    }

    [Fact]
    public void Custom_columns_show_values_of_their_type()
    {
        KindInfo kind = SchemaCatalog.BuiltIn.WithCrd(SchemaCatalogTests.WidgetCrd()).Find("example.com", "v1", "widgets")!;
        JsonObject obj = Json($$$"""{"metadata":{"name":"n",{{{Created}}}},"spec":{"size":4},"status":{"conditions":[{"type":"Other","status":"x"},{"type":"Ready","status":"True"}]}}""");
        JsonObject table = TableRenderer.Render(kind, [obj], s_now, new JsonObject { ["resourceVersion"] = "7" }, IncludeObject.Metadata);
        Assert.Equal("""["n",4,"True","4m5s",null]""", table["rows"]![0]!["cells"]!.ToJsonString());
        Assert.Equal("PartialObjectMetadata", (string?)table["rows"]![0]!["object"]!["kind"]);
        Assert.Equal("7", (string?)table["metadata"]!["resourceVersion"]);
        Assert.Equal(1, (int)table["columnDefinitions"]![4]!["priority"]!);
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(120, "2m")]
    [InlineData(125, "2m5s")]
    [InlineData(600, "10m")]
    [InlineData(3 * 3600, "3h")]
    [InlineData((3 * 3600) + 60, "3h1m")]
    [InlineData(47 * 3600, "47h")]
    [InlineData(49 * 3600, "2d1h")]
    [InlineData(9 * 86400, "9d")]
    [InlineData(800 * 86400, "2y70d")]
    [InlineData(3000L * 86400, "8y")]
    [InlineData(-5, "<invalid>")]
    public void Age_is_written_in_two_units_at_most(long seconds, string expected) => Assert.Equal(expected, HumanAge.Of(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(".a.b", "1")]
    [InlineData("$.a['b']", "1")]
    [InlineData(".l[0].n", "x")]
    [InlineData(".l[-1].n", "y")]
    [InlineData(".l[*].n", "x y")]
    [InlineData(".l[?(@.n=='y')].v", "2")]
    [InlineData(".m.a\\.b/c", "dotted")]
    [InlineData(".nope.x", "")]
    public void Json_path_finds(string path, string expected)
    {
        JsonObject o = Json("""{"a":{"b":1},"l":[{"n":"x","v":1},{"n":"y","v":2}],"m":{"a.b/c":"dotted"}}""");
        Assert.True(JsonPath.TryParse(path, out JsonPath? parsed, out string? error), error);
        Assert.Equal(expected, string.Join(' ', parsed!.Find(o).Select(n => n!.ToString())));
    }

    private static string?[] Row(string group, string plural, JsonObject obj)
    {
        KindInfo kind = SchemaCatalog.BuiltIn.All.Single(k => k.Group == group && k.Plural == plural);
        JsonObject table = TableRenderer.Render(kind, [obj], s_now, null, IncludeObject.None);
        return [.. table["rows"]![0]!["cells"]!.AsArray().Select(c => c?.ToString())];
    }

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();
}
