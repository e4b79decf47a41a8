using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Serving;

/// <summary>The API of a controller that shows what its subtree reports.</summary>
public sealed class MirrorApiTests : IAsyncLifetime
{
    private static readonly UserInfo Bob = new("bob", []);
    private static readonly MediaTypeHeaderValue Merge = new("application/merge-patch+json");
    private readonly List<(string Cluster, string User, string Target)> _forwarded = [];
    private readonly List<string> _bodies = [];
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _accepted;
    private string _answer = """{"kind":"Status","status":"Failure","code":500}""";
    private int _code = 200;
    private MirrorStore _mirror = null!;
    private ApiServer _server = null!;
    private KubeClient _admin = null!;
    private KubeClient _bob = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _mirror = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", Mirror = _mirror, Clusters = new Gate(this) }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _admin = _server.CreateClient(UserInfo.Admin);
        _bob = _server.CreateClient(Bob);
        await TellAsync("c1", 1, ("web", "n1"), ("db", "n1"));
        await TellAsync("c2", 1, ("web", "n2"));
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        _bob.Dispose();
        await _server.DisposeAsync();
        await _mirror.DisposeAsync();
    }

    [Fact]
    public async Task Lists_selectors_and_wide_tables_show_whose_an_object_is()
    {
        Assert.Equal(["db-c1", "web-c1", "web-c2"], await NamesAsync(_admin));
        Assert.Equal(["web-c2"], await NamesAsync(_admin, new ListQuery("ote-cluster=c2")));
        Assert.Equal(["web-c2"], await NamesAsync(_admin, new ListQuery(FieldSelector: "spec.nodeName=n2-c2")));
        Assert.Equal(["db-c1"], await NamesAsync(_admin, new ListQuery("ote-cluster=c1", "metadata.name=db-c1")));
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/namespaces/default/pods");
        request.Headers.Add("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        using var answer = await _admin.Http.SendAsync(request, Ct);
        var table = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Ct))!;
        Assert.Equal("Cluster", (string?)table["columnDefinitions"]!.AsArray()[^1]!["name"]);
        Assert.Equal(["c1", "c1", "c2"], table["rows"]!.AsArray().Select(r => (string?)r!["cells"]!.AsArray()[^1]));
    }

    [Fact]
    public async Task Watches_go_on_from_a_list_and_see_each_change_once()
    {
        var list = await _admin.ListAsync(Kinds.Pods, null, null, Ct);
        await TellAsync("c1", 2, ("db", "n3"));
        await TellAsync("c2", 2, ("new", "n1"));
        var seen = new List<string>();
        await foreach (var change in _admin.WatchAsync(Kinds.Pods, null, null, list.ResourceVersion, Ct))
        {
            seen.Add($"{change.Type} {change.Object.Name()}");
            if (seen.Count == 2)
            {
                break;
            }
        }

        Assert.Equal(["Modified db-c1", "Added new-c2"], seen);
    }

    [Fact]
    public async Task A_watch_is_told_that_a_cluster_went_away_and_that_it_is_back_whether_it_runs_or_goes_on()
    {
        var list = await _admin.ListAsync(Kinds.Pods, null, null, Ct);
        var running = TakeAsync(list.ResourceVersion, static seen => seen[^1].Object.Name() == "new-c2");
        await _mirror.TellsAsync("c1", tells: false);
        await _mirror.TellsAsync("c1", tells: true);
        await TellAsync("c2", 2, ("new", "n1"));
        // How often it heard of each goes by how quickly it read; the last it heard is how it is.
        Assert.Equal(["Added new-c2 False", "Modified db-c1 False", "Modified web-c1 False"], (await running).GroupBy(c => c.Object.Name()).Select(c => Told(c.Last())).Order());
        await _mirror.TellsAsync("c1", tells: false);
        var later = await TakeAsync(list.ResourceVersion, static seen => seen.Count == 3); // of both turns only how it is
        Assert.Equal(["Added new-c2 False", "Modified db-c1 True", "Modified web-c1 True"], later.Select(Told).Order());
        var rest = await TakeAsync(later[1].Object.ResourceVersion(), static seen => seen.Count == 1); // it goes on from the middle of a turn
        Assert.Equal(Told(later[2]), Told(rest[0]));

        static string Told(WatchEvent change) => $"{change.Type} {change.Object.Name()} {change.Object.Annotation("ote.baidu.com/stale-since") is not null}";
    }

    [Fact]
    public async Task Who_may_see_the_pods_of_one_cluster_sees_nothing_else_in_lists_watches_and_errors()
    {
        await Grants.AllowAsync(_admin, "bob", "clusters/pods", "c1", "get", "list", "watch");
        Assert.Equal(["db-c1", "web-c1"], await NamesAsync(_bob));
        Assert.Empty(await NamesAsync(_bob, new ListQuery("ote-cluster=c2")));
        Assert.NotNull(await _bob.GetAsync(Kinds.Pods, "default", "web-c1", Ct));
        var there = await Assert.ThrowsAsync<KubeStatusException>(() => _bob.GetAsync(Kinds.Pods, "default", "web-c2", Ct));
        var nowhere = await Assert.ThrowsAsync<KubeStatusException>(() => _bob.GetAsync(Kinds.Pods, "default", "web-c9", Ct));
        Assert.Equal(403, there.Code);
        Assert.Equal(there.Message.Replace("c2", "c9", StringComparison.Ordinal), nowhere.Message); // not even whether it is there
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => _bob.ListAsync(new ResourceRef("apps", "v1", "deployments", "Deployment", true), null, null, Ct))).Code);

        var from = (await _bob.ListAsync(Kinds.Pods, null, null, Ct)).ResourceVersion;
        await TellAsync("c2", 2, ("secret", "n1"));
        await TellAsync("c1", 2, ("mine", "n1"));
        await foreach (var change in _bob.WatchAsync(Kinds.Pods, null, null, from, Ct))
        {
            Assert.Equal("mine-c1", change.Object.Name());
            break;
        }
    }

    [Fact]
    public async Task What_is_asked_of_a_named_object_goes_to_its_cluster_under_its_own_name()
    {
        await _admin.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/pods/web-c2?gracePeriodSeconds=0", null, null, Ct);
        await _admin.SendAsync(HttpMethod.Get, "api/v1/namespaces/default/pods/web-c1/log?follow=true", null, null, Ct);
        Assert.Equal(
            [("c2", UserInfo.Admin.Name, "DELETE /api/v1/namespaces/default/pods/web?gracePeriodSeconds=0"), ("c1", UserInfo.Admin.Name, "GET /api/v1/namespaces/default/pods/web/log?follow=true")], _forwarded);
        Assert.Equal(404, (await Assert.ThrowsAsync<KubeStatusException>(() => _admin.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/pods/none-c2", null, null, Ct))).Code);
        var created = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.CreateAsync(Kinds.Pods, "default", Pod("x", "n"), Ct));
        Assert.Equal(405, created.Code);
        Assert.Contains("otectl apply", created.Message, StringComparison.Ordinal);
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => _bob.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/pods/web-c2", null, null, Ct))).Code);
        await Grants.AllowAsync(_admin, "bob", "clusters/pods", "c1", "delete");
        await _bob.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/pods/web-c1", null, null, Ct);
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => _bob.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/pods/web-c2", null, null, Ct))).Code);
        Assert.Equal(("c1", "bob", "DELETE /api/v1/namespaces/default/pods/web"), Assert.Single(_forwarded.Skip(2)));
    }

    [Fact]
    public async Task A_body_goes_as_the_cluster_has_to_have_it_and_cannot_move_an_object()
    {
        await _admin.PatchAsync(Kinds.Pods, "default", "web-c2", PatchKind.Merge, JsonNode.Parse("""
            {"metadata":{"name":"web-c2","resourceVersion":"77","labels":{"ote-cluster":"c2","node-name":"n2","a":"b"},"annotations":{"ote.baidu.com/cluster":"c2","mine":"x"} } }
            """)!, Ct);
        Assert.Equal("""{"metadata":{"name":"web","labels":{"a":"b"},"annotations":{"mine":"x"}}}""", Assert.Single(_bodies));
        await _admin.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/pods/web-c2/eviction", JsonNode.Parse("""{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"web-c2"} }""")!, null, Ct);
        Assert.Equal("""{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"web"}}""", _bodies[^1]);
        var moved = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.PatchAsync(
            Kinds.Pods, "default", "web-c2", PatchKind.Merge, JsonNode.Parse("""{"metadata":{"labels":{"ote-cluster":"c1"} } }""")!, Ct));
        Assert.Equal(422, moved.Code);
    }

    [Fact]
    public async Task A_kind_that_a_cluster_serves_in_an_older_version_is_asked_for_there_in_that_version()
    {
        Assert.True(await _mirror.ApplyAsync("c1", new Report
        {
            Kind = "cronjobs.batch", ApiVersion = "batch/v1beta1", ObjectKind = "CronJob", Namespaced = true, Epoch = 1, From = 0, To = 1,
            Changes = { new ObjectChange { Namespace = "default", Name = "nightly", Object = ByteString.CopyFromUtf8("""{"metadata":{"name":"nightly","namespace":"default"} }""") } },
        }));
        await _mirror.TellsAsync("c1", tells: true);
        await _admin.SendAsync(HttpMethod.Delete, "apis/batch/v1/namespaces/default/cronjobs/nightly-c1", null, null, Ct);
        await _admin.PatchAsync(new ResourceRef("batch", "v1", "cronjobs", "CronJob", true), "default", "nightly-c1", PatchKind.Merge, JsonNode.Parse("""{"apiVersion":"batch/v1","metadata":{"name":"nightly-c1"} }""")!, Ct);
        Assert.Equal(["DELETE /apis/batch/v1beta1/namespaces/default/cronjobs/nightly", "PATCH /apis/batch/v1beta1/namespaces/default/cronjobs/nightly"], _forwarded.Select(f => f.Target));
        Assert.Contains("""{"apiVersion":"batch/v1beta1","metadata":{"name":"nightly"}}""", _bodies);
    }

    [Fact]
    public async Task What_happened_to_a_pod_is_found_by_the_name_it_is_shown_under()
    {
        Assert.True(await _mirror.ApplyAsync("c1", new Report
        {
            Kind = "events", ApiVersion = "v1", ObjectKind = "Event", Namespaced = true, Epoch = 1, From = 0, To = 1,
            Changes = { new ObjectChange { Namespace = "default", Name = "web.17", Object = ByteString.CopyFromUtf8("""{"metadata":{"name":"web.17","namespace":"default"},"involvedObject":{"kind":"Pod","name":"web","namespace":"default","uid":"u1"},"reason":"Scheduled"}""") } },
        }));
        var events = new ResourceRef("", "v1", "events", "Event", true);
        Assert.Equal("Scheduled", Assert.Single((await _admin.ListAsync(events, "default", new ListQuery(FieldSelector: "involvedObject.name=web-c1"), Ct)).Items).Text("reason"));
        Assert.Empty((await _admin.ListAsync(events, "default", new ListQuery(FieldSelector: "involvedObject.name=web-c2"), Ct)).Items);
    }

    [Fact]
    public async Task Who_reads_right_after_a_write_sees_what_it_did()
    {
        _answer = """{"kind":"Pod","metadata":{"name":"web","resourceVersion":"99"} }""";
        var patching = _admin.PatchAsync(Kinds.Pods, "default", "web-c2", PatchKind.Merge, JsonNode.Parse("""{"metadata":{"labels":{"a":"b"} } }""")!, Ct);
        await _asked.Task.WaitAsync(Ct);
        Assert.False(patching.IsCompleted); // the answer is held until the report has come
        await TellAsync("c2", 2, ("web", "n9"));
        var answer = await patching;
        var shown = await _admin.GetAsync(Kinds.Pods, "default", "web-c2", Ct);
        Assert.Equal("n9-c2", shown.Text("spec", "nodeName"));
        Assert.Equal(("web-c2", shown!.ResourceVersion(), "c2"), (answer.Name(), answer.ResourceVersion(), answer.Text("metadata", "labels", "ote-cluster"))); // what was written goes by the name it is shown under
    }

    [Theory]
    [InlineData("DELETE", "pods/web-c2", "")]
    [InlineData("PATCH", "pods/web-c2", "{}")]
    [InlineData("PATCH", "pods/web-c2?dryRun=All", "{}")]
    [InlineData("POST", "pods/web-c2/eviction", "{}")]
    [InlineData("GET", "pods/web-c2/scale", "")]
    [InlineData("GET", "pods/web-c2/log", "")] // what streams
    [InlineData("POST", "pods/web-c2/exec", "")]
    public async Task Where_a_cluster_refuses_it_is_said_which(string method, string path, string body)
    {
        foreach (var (code, word) in new[] { (403, "refuses"), (422, "refuses"), (409, "refuses"), (404, "answers"), (429, "answers"), (500, "answers") })
        {
            (_code, _answer) = (code, $$"""{"kind":"Status","status":"Failure","code":{{code}},"message":"pods \"web\" is as it is"}""");
            var refused = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.SendAsync(
                new HttpMethod(method), "api/v1/namespaces/default/" + path, body.Length == 0 ? null : JsonNode.Parse(body), method == "PATCH" ? Merge : null, Ct));
            Assert.Equal((code, $"cluster c2 {word}: pods \"web\" is as it is"), (refused.Code, refused.Message));
        }
    }

    [Fact]
    public async Task So_it_is_in_what_kubectl_shows_of_fields_that_are_at_fault_and_what_names_it_keeps_its_words()
    {
        (_code, _answer) = (422, """{"kind":"Status","status":"Failure","code":422,"reason":"Invalid","message":"Pod \"web\" is invalid","details":{"name":"web","kind":"Pod","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: 1","field":"spec.x"}]} }""");
        var status = await RawAsync("api/v1/namespaces/default/pods/web-c2/log", "application/json");
        Assert.Equal("web-c2", status.Text("details", "name"));
        Assert.Equal("cluster c2 refuses: Invalid value: 1", status.Items("details", "causes")![0].Text("message"));
        (_code, _answer) = (503, """{"kind":"Status","status":"Failure","code":503,"message":"cluster c2 is away"}""");
        Assert.Equal("cluster c2 is away", (await RawAsync("api/v1/namespaces/default/pods/web-c2/log", "application/json")).Text("message"));
    }

    [Fact]
    public async Task To_apply_what_is_not_there_is_refused_as_to_create_it_is()
    {
        var created = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.CreateAsync(Kinds.Pods, "default", Pod("new-c2", "n"), Ct));
        var applied = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.SendAsync(HttpMethod.Patch, "api/v1/namespaces/default/pods/new-c2?fieldManager=me", Pod("new-c2", "n"), new MediaTypeHeaderValue("application/apply-patch+yaml"), Ct));
        Assert.Equal((405, created.Message), (applied.Code, applied.Message));
        var patched = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.SendAsync(HttpMethod.Patch, "api/v1/namespaces/default/pods/new-c2", new JsonObject(), Merge, Ct));
        Assert.Equal(404, patched.Code);
        Assert.Empty(_forwarded);
    }

    [Fact]
    public async Task A_part_of_an_object_has_the_name_and_the_version_it_is_shown_under()
    {
        var shown = await _admin.GetAsync(Kinds.Pods, "default", "web-c2", Ct);
        _answer = """{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web","resourceVersion":"99"} }""";
        var scale = await RawAsync("api/v1/namespaces/default/pods/web-c2/scale", "application/vnd.kubernetes.protobuf, application/json");
        Assert.Equal(("web-c2", shown!.ResourceVersion()), (scale.Name(), scale.ResourceVersion()));
        Assert.Equal("application/json", _accepted); // a packed one would keep the name it has there

        _answer = """{"kind":"Table","columnDefinitions":[{"name":"Name","format":"name"},{"name":"Desired"}],"rows":[{"cells":["web",1],"object":{"kind":"PartialObjectMetadata","metadata":{"name":"web"} } }]}""";
        var row = (await RawAsync("api/v1/namespaces/default/pods/web-c2/scale", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")).Items("rows")![0]!;
        Assert.Equal(("web-c2", "web-c2"), ((string?)row["cells"]![0], row.Text("object", "metadata", "name")));

        _answer = """{"kind":"Pod","metadata":{"name":"web","resourceVersion":"99"} }"""; // what would be: nothing is waited for
        Assert.Equal("web-c2", (await _admin.SendAsync(HttpMethod.Patch, "api/v1/namespaces/default/pods/web-c2?dryRun=All", new JsonObject(), Merge, Ct)).Name());
    }

    [Fact]
    public async Task What_is_away_is_neither_ready_nor_gone()
    {
        Assert.True(await _mirror.ApplyAsync("c1", new Report
        {
            Kind = "deployments.apps", ApiVersion = "apps/v1", ObjectKind = "Deployment", Namespaced = true, Epoch = 1, From = 0, To = 1,
            Changes = { new ObjectChange { Namespace = "default", Name = "web", Object = ByteString.CopyFromUtf8("""{"metadata":{"name":"web","namespace":"default"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1,"conditions":[{"type":"Available","status":"True","lastTransitionTime":"2020-01-01T00:00:00Z"}]} }""") } },
        }));
        Assert.True(await _mirror.ApplyAsync("c1", new Report
        {
            Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = 1, To = 2,
            Changes = { new ObjectChange { Namespace = "default", Name = "web", Object = ByteString.CopyFromUtf8("""{"metadata":{"name":"web","namespace":"default"},"status":{"phase":"Running","containerStatuses":[{"name":"c","ready":true}],"conditions":[{"type":"Ready","status":"True"}]} }""") } },
        }));
        await _mirror.TellsAsync("c1", tells: false);
        var pod = await _admin.GetAsync(Kinds.Pods, "default", "web-c1", Ct);
        Assert.Equal(("ClusterAway", "Running", false), (pod.Text("status", "reason"), pod.Text("status", "phase"), pod!["status"]!["containerStatuses"]![0].Truth("ready")));
        var deployment = await _admin.GetAsync(new ResourceRef("apps", "v1", "deployments", "Deployment", true), "default", "web-c1", Ct);
        Assert.Equal((null, 1L, "Unknown", pod.Annotation("ote.baidu.com/stale-since")), (
            deployment.Whole("status", "readyReplicas"), deployment.Whole("status", "replicas"), deployment!.Condition("Available").Text("status"), deployment!.Condition("Available").Text("lastTransitionTime")));
        Assert.Matches("^c1 \\(away [0-9]+s\\)$", (string?)(await RawAsync("api/v1/namespaces/default/pods/web-c1", "application/json;as=Table;v=v1;g=meta.k8s.io")).Items("rows")![0]!["cells"]!.AsArray()[^1]); // of any kind
        await _mirror.TellsAsync("c1", tells: true);
        Assert.Equal("c1", (string?)(await RawAsync("api/v1/namespaces/default/pods/web-c1", "application/json;as=Table;v=v1;g=meta.k8s.io")).Items("rows")![0]!["cells"]!.AsArray()[^1]);
        Assert.Equal(1L, (await _admin.GetAsync(new ResourceRef("apps", "v1", "deployments", "Deployment", true), "default", "web-c1", Ct)).Whole("status", "readyReplicas"));
    }

    [Theory]
    [InlineData("replicasets.apps", "apps/v1", "ReplicaSet", """{"replicas":2,"readyReplicas":2,"availableReplicas":2}""", """{"replicas":2}""")]
    [InlineData("replicationcontrollers", "v1", "ReplicationController", """{"replicas":2,"readyReplicas":2,"availableReplicas":2}""", """{"replicas":2}""")]
    [InlineData("statefulsets.apps", "apps/v1", "StatefulSet", """{"replicas":2,"readyReplicas":2,"availableReplicas":2}""", """{"replicas":2}""")]
    [InlineData("daemonsets.apps", "apps/v1", "DaemonSet", """{"numberReady":2,"numberAvailable":2,"desiredNumberScheduled":2}""", """{"numberReady":0,"desiredNumberScheduled":2}""")]
    [InlineData("jobs.batch", "batch/v1", "Job", """{"active":1,"ready":1}""", """{"active":1}""")]
    [InlineData("replicasets.example.com", "example.com/v1", "ReplicaSet", """{"readyReplicas":2}""", """{"readyReplicas":2}""")] // nothing like it
    public async Task Of_what_is_away_nobody_counts_as_ready(string stream, string apiVersion, string kind, string status, string shown)
    {
        await using var mirror = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
        Assert.True(await mirror.ApplyAsync("c1", new Report
        {
            Kind = stream, ApiVersion = apiVersion, ObjectKind = kind, Namespaced = true, Epoch = 1, From = 0, To = 1,
            Changes = { new ObjectChange { Namespace = "default", Name = "web", Object = ByteString.CopyFromUtf8($$"""{"metadata":{"name":"web","namespace":"default"},"status":{{status}} }""") } },
        }));
        await mirror.TellsAsync("c1", tells: false);
        var resource = $"{(apiVersion.Contains('/', StringComparison.Ordinal) ? apiVersion.Split('/')[0] : "")}/{stream.Split('.')[0]}";
        var stored = await mirror.FindAsync(new Ote.Kube.Server.Store.StoreKey(resource, "default", "web-c1"), Ct);
        Assert.Equal(shown, JsonNode.Parse(stored!.Json)!["status"]!.ToJsonString());
    }

    [Fact]
    public async Task What_goes_with_a_cluster_that_is_away_is_told_as_it_was_shown_last()
    {
        await _mirror.TellsAsync("c1", tells: false);
        using var changes = _mirror.Changes.Subscribe("/pods", 10);
        await _mirror.RemoveAsync("c1");
        for (var seen = 0; seen < 2; seen++)
        {
            Assert.True(await changes.WaitAsync(Ct));
            Assert.True(changes.TryTake(out var change));
            var pod = JsonNode.Parse(change!.Json);
            Assert.Equal((Ote.Kube.Server.Store.ChangeKind.Deleted, "ClusterAway"), (change.Kind, pod.Text("status", "reason")));
            Assert.Equal($"{change.Revision}", ((JsonObject)pod!).ResourceVersion());
        }
    }

    [Fact]
    public async Task What_only_a_cluster_would_act_on_is_not_kept_here()
    {
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.CreateAsync(
            new ResourceRef("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true), "default",
            (JsonObject)JsonNode.Parse("""{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"web"},"spec":{"maxReplicas":2,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web-c1"} } }""")!, Ct));
        Assert.Equal(405, refused.Code);
        Assert.Contains("those of the clusters below", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_clusters_own_api_is_for_who_may_and_exec_is_no_reading()
    {
        const string Exec = "clusters/c1/api/v1/namespaces/default/pods/p/exec?command=sh";
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => _bob.SendAsync(HttpMethod.Get, "clusters/c1/api/v1/nodes", null, null, Ct))).Code);
        await Grants.AllowAsync(_admin, "bob", "clusters/proxy", "c1", "get", "list");
        await _bob.SendAsync(HttpMethod.Get, "clusters/c1/api/v1/nodes?limit=5", null, null, Ct);
        Assert.Equal(("c1", "bob", "GET /api/v1/nodes?limit=5"), Assert.Single(_forwarded));
        foreach (var refused in new[] { Exec, "clusters/c2/api/v1/nodes" })
        {
            Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => _bob.SendAsync(HttpMethod.Get, refused, null, null, Ct))).Code);
        }

        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => _bob.SendAsync(HttpMethod.Delete, "clusters/c1/api/v1/nodes/n", null, null, Ct))).Code);
    }

    private async Task<JsonObject> RawAsync(string path, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var answer = await _admin.Http.SendAsync(request, Ct);
        Assert.Equal(_code, (int)answer.StatusCode);
        return (JsonObject)JsonNode.Parse(await answer.Content.ReadAsStringAsync(Ct))!;
    }

    [Fact]
    public async Task What_keeps_a_request_from_a_cluster_is_told_as_a_warning_too_where_kubectl_shows_nothing_else_of_it()
    {
        (_code, _answer) = (404, """{"kind":"Status","status":"Failure","code":404,"message":"cluster c9 is not known below root: otectl get clusters lists those that are"}""");
        foreach (var path in new[] { "clusters/c9/api", "clusters/c9/api/v1", "clusters/c9/version", "clusters/c9/openapi/v2" })
        {
            using var looked = await _admin.Http.GetAsync(new Uri(path, UriKind.Relative), Ct);
            Assert.Equal("299 - \"cluster c9 is not known below root: otectl get clusters lists those that are\"", Assert.Single(looked.Headers.GetValues("Warning")));
            Assert.Equal(_answer, await looked.Content.ReadAsStringAsync(Ct));
        }

        using var asked = await _admin.Http.GetAsync(new Uri("clusters/c9/api/v1/pods", UriKind.Relative), Ct);
        Assert.False(asked.Headers.Contains("Warning")); // of which kubectl shows what it says
        (_code, _answer) = (404, """{"kind":"Status","status":"Failure","code":404,"message":"the server could not find the requested resource"}""");
        using var missing = await _admin.Http.GetAsync(new Uri("clusters/c9/openapi/v3", UriKind.Relative), Ct);
        Assert.False(missing.Headers.Contains("Warning")); // its API server is older
        (_code, _answer) = (200, new string('x', 200_000));
        Assert.Equal(_answer, await _admin.Http.GetStringAsync(new Uri("clusters/c9/openapi/v3", UriKind.Relative), Ct));
        (_code, _answer) = (500, new string('x', 200_000)); // more than is held
        using var broken = await _admin.Http.GetAsync(new Uri("clusters/c9/openapi/v3", UriKind.Relative), Ct);
        Assert.Equal(_answer, await broken.Content.ReadAsStringAsync(Ct));
    }

    /// <summary>The changes after a version, until they are enough.</summary>
    private async Task<List<WatchEvent>> TakeAsync(string from, Func<List<WatchEvent>, bool> isEnough)
    {
        var seen = new List<WatchEvent>();
        await foreach (var change in _admin.WatchAsync(Kinds.Pods, null, null, from, Ct))
        {
            seen.Add(change);
            if (isEnough(seen))
            {
                break;
            }
        }

        return seen;
    }

    /// <summary>Notes what would go to a cluster.</summary>
    private sealed class Gate(MirrorApiTests test) : IClusterGate
    {
        public async Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target)
        {
            test._forwarded.Add((cluster, user.Name, $"{context.Request.Method} {target}"));
            test._accepted = context.Request.Headers.Accept;
            if (context.Request.ContentLength > 0)
            {
                using var reader = new StreamReader(context.Request.Body);
                test._bodies.Add(await reader.ReadToEndAsync(Ct));
            }

            context.Response.StatusCode = test._code;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(test._answer, Ct);
            test._asked.TrySetResult();
        }
    }

    private static JsonObject Pod(string name, string node) => (JsonObject)JsonNode.Parse($$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}","namespace":"default"},"spec":{"nodeName":"{{node}}","containers":[{"name":"c","image":"i"}]} }
        """)!;

    private static async Task<string[]> NamesAsync(KubeClient client, ListQuery? query = null) => [.. (await client.ListAsync(Kinds.Pods, null, query, Ct)).Items.Select(i => i.Name())];

    private async Task TellAsync(string cluster, ulong revision, params (string Name, string Node)[] pods)
    {
        var report = new Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = revision - 1, To = revision };
        report.Changes.AddRange(pods.Select(p => new ObjectChange { Namespace = "default", Name = p.Name, Object = ByteString.CopyFromUtf8(Pod(p.Name, p.Node).ToJsonString()) }));
        Assert.True(await _mirror.ApplyAsync(cluster, report));
        await _mirror.TellsAsync(cluster, tells: true);
    }
}
