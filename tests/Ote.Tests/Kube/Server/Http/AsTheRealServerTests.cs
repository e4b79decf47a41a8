using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>What <c>./ote conformance</c> once showed to differ from the real server, in small.</summary>
public sealed class AsTheRealServerTests
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deletion_of_a_collection_names_what_it_deleted()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"a"}}""");
        (int code, JsonObject answer) = await api.SendAsync(HttpMethod.Delete, Maps);
        Assert.Equal((200, "a"), (code, (string)answer["items"]![0]!["metadata"]!["name"]!));
    }

    [Fact]
    public async Task Name_of_an_object_that_is_going_is_taken_and_says_why()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"a","finalizers":["example.org/hold"]}}""");
        await api.SendAsync(HttpMethod.Delete, $"{Maps}/a");
        (int code, JsonObject answer) = await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"a"}}""");
        Assert.Equal((409, "object is being deleted: configmaps \"a\" already exists"), (code, (string)answer["message"]!));
    }

    [Fact]
    public async Task Object_of_a_dry_run_that_would_be_new_has_no_version()
    {
        await using var api = await ApiServerFixture.StartAsync();
        (int code, JsonObject answer) = await api.SendAsync(HttpMethod.Post, $"{Maps}?dryRun=All", """{"metadata":{"name":"a"}}""");
        Assert.Equal(201, code);
        Assert.Null(answer["metadata"]!["resourceVersion"]);
    }

    [Fact]
    public async Task Replacement_under_another_name_is_bad_whether_or_not_the_other_is_there()
    {
        await using var api = await ApiServerFixture.StartAsync();
        (int code, JsonObject answer) = await api.SendAsync(HttpMethod.Put, $"{Maps}/b", """{"metadata":{"name":"a"}}""");
        Assert.Equal((400, "the name of the object (a) does not match the name on the URL (b)"), (code, (string)answer["message"]!));
    }

    [Theory]
    [InlineData("""{"metadata":{"uid":"x"}}""", 422, "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"x\": field is immutable")]
    [InlineData("""{"metadata":{"namespace":"other"}}""", 400, "the namespace of the object (other) does not match the namespace on the request (default)")]
    public async Task Patch_of_what_an_object_is_known_by_is_refused(string patch, int wanted, string message)
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"a"}}""");
        (int code, JsonObject answer) = await api.SendAsync(HttpMethod.Patch, $"{Maps}/a", patch, "application/merge-patch+json");
        Assert.Equal((wanted, message), (code, (string)answer["message"]!));
    }

    [Fact]
    public async Task Json_patch_may_replace_a_field_that_is_not_there()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"a"}}""");
        (int code, JsonObject answer) = await api.SendAsync(
            HttpMethod.Patch, $"{Maps}/a", """[{"op":"replace","path":"/metadata/annotations","value":{"a":"b"}}]""", "application/json-patch+json");
        Assert.Equal((200, "b"), (code, (string)answer["metadata"]!["annotations"]!["a"]!));
    }

    [Theory]
    [InlineData("resourceVersionMatch=Exact", "resourceVersionMatch is forbidden unless resourceVersion is provided")]
    [InlineData("resourceVersion=0&resourceVersionMatch=Exact", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")]
    public async Task List_whose_parameters_contradict_each_other_is_invalid(string query, string message)
    {
        await using var api = await ApiServerFixture.StartAsync();
        (int code, JsonObject answer) = await api.SendAsync(HttpMethod.Get, $"{Maps}?{query}");
        Assert.Equal((422, $"ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: {message}"), (code, (string)answer["message"]!));
    }

    [Theory]
    [InlineData("continue=x&resourceVersion=1&resourceVersionMatch=Exact", "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided")]
    [InlineData("resourceVersion=1&resourceVersionMatch=Some", "resourceVersionMatch: Unsupported value: \"Some\": supported values: \"Exact\", \"NotOlderThan\", \"\"")]
    [InlineData("sendInitialEvents=true", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list")]
    [InlineData("watch=1&resourceVersion=1&resourceVersionMatch=NotOlderThan", "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")]
    [InlineData("watch=1&sendInitialEvents=false", "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")]
    [InlineData("watch=1&resourceVersionMatch=Exact", "[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: \"Exact\": supported values: \"NotOlderThan\"]")]
    public async Task Parameters_that_do_not_go_together_are_named(string query, string faults)
    {
        await using var api = await ApiServerFixture.StartAsync();
        (int code, JsonObject answer) = await api.SendAsync(HttpMethod.Get, $"{Maps}?{query}");
        Assert.Equal((422, $"ListOptions.meta.k8s.io \"\" is invalid: {faults}"), (code, (string)answer["message"]!));
    }

    [Theory]
    [InlineData("limit=-1", "ConfigMapList")]
    [InlineData("timeoutSeconds=-1", "ConfigMapList")]
    [InlineData("watch=1&timeoutSeconds=-1", "")]
    public async Task Number_below_zero_is_no_limit_and_no_time(string query, string kind)
    {
        await using var api = await ApiServerFixture.StartAsync();
        using HttpResponseMessage answer = await api.Admin.Http.GetAsync(new Uri($"{Maps}?{query}", UriKind.Relative), Token);
        string said = await answer.Content.ReadAsStringAsync(Token);
        Assert.Equal((200, kind), ((int)answer.StatusCode, kind.Length == 0 ? said : JsonNode.Parse(said).Text("kind")));
    }

    [Fact]
    public async Task Page_at_a_version_is_of_exactly_that_version()
    {
        await using var api = await ApiServerFixture.StartAsync();
        (_, JsonObject made) = await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"a"}}""");
        await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"b"}}""");
        (_, JsonObject page) = await api.SendAsync(HttpMethod.Get, $"{Maps}?limit=5&resourceVersion={made.ResourceVersion()}");
        Assert.Equal(["a"], page.Items("items")!.Select(item => ((JsonObject)item!).Name()));
        (_, JsonObject all) = await api.SendAsync(HttpMethod.Get, $"{Maps}?resourceVersion={made.ResourceVersion()}");
        Assert.Equal(["a", "b"], all.Items("items")!.Select(item => ((JsonObject)item!).Name()));
    }

    [Fact]
    public async Task Watcher_by_labels_sees_an_object_that_ceases_to_match_as_it_was()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"a","labels":{"shade":"dark"}}}""");
        string version = (await api.Admin.ListAsync(Kinds.ConfigMaps, "default", null, Token)).ResourceVersion;
        JsonObject changed = await api.Admin.PatchAsync(
            Kinds.ConfigMaps, "default", "a", PatchKind.Merge, JsonNode.Parse("""{"metadata":{"labels":{"shade":"light"}}}""")!, Token);
        await foreach (WatchEvent change in api.Admin.WatchAsync(Kinds.ConfigMaps, "default", new ListQuery("shade=dark"), version, Token))
        {
            Assert.Equal((WatchEventType.Deleted, "dark"), (change.Type, change.Object.Text("metadata", "labels", "shade")));
            Assert.Equal(changed.ResourceVersion(), change.Object.ResourceVersion());
            break;
        }
    }

    [Fact]
    public async Task Daemon_set_counts_the_changes_of_its_template()
    {
        const string Sets = "/apis/apps/v1/namespaces/default/daemonsets";
        const string Count = "deprecated.daemonset.template.generation";
        await using var api = await ApiServerFixture.StartAsync();
        (_, JsonObject made) = await api.SendAsync(
            HttpMethod.Post, Sets, """{"metadata":{"name":"a"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x:1"}]}}}}""");
        (_, JsonObject labelled) = await api.SendAsync(HttpMethod.Patch, $"{Sets}/a", """{"metadata":{"labels":{"x":"y"}}}""", "application/merge-patch+json");
        (_, JsonObject changed) = await api.SendAsync(
            HttpMethod.Patch, $"{Sets}/a", """{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"x:2"}]}}}}""", "application/strategic-merge-patch+json");
        Assert.Equal(["1", "1", "2"], new[] { made, labelled, changed }.Select(set => set.Annotation(Count)));
        Assert.Equal(0, (int)made["status"]!["desiredNumberScheduled"]!);
    }

    [Fact]
    public async Task Service_keeps_the_address_that_it_was_made_with()
    {
        const string Services = "/api/v1/namespaces/default/services";
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Services, """{"metadata":{"name":"a"},"spec":{"clusterIP":"10.96.0.9","ports":[{"port":80}]}}""");
        (int silent, JsonObject kept) = await api.SendAsync(HttpMethod.Put, $"{Services}/a", """{"metadata":{"name":"a"},"spec":{"ports":[{"port":81}]}}""");
        (int other, _) = await api.SendAsync(HttpMethod.Put, $"{Services}/a", """{"metadata":{"name":"a"},"spec":{"clusterIP":"10.96.0.8","ports":[{"port":81}]}}""");
        Assert.Equal((200, "10.96.0.9", "10.96.0.9", 422), (silent, kept.Text("spec", "clusterIP"), (string)kept["spec"]!["clusterIPs"]![0]!, other));
    }

    [Theory]
    [InlineData("/livez/ping", 200)]
    [InlineData("/readyz/etcd", 200)]
    [InlineData("/healthz/nothing", 404)]
    public async Task Health_is_told_of_what_there_is(string path, int code)
    {
        await using var api = await ApiServerFixture.StartAsync();
        using HttpResponseMessage answer = await api.Admin.Http.GetAsync(new Uri(path, UriKind.Relative), Token);
        Assert.Equal(code, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Health_lists_its_checks_when_asked_for_more_words()
    {
        await using var api = await ApiServerFixture.StartAsync();
        string said = await api.Admin.Http.GetStringAsync(new Uri("/readyz?verbose", UriKind.Relative), Token);
        Assert.Equal("[+]ping ok\n[+]log ok\n[+]etcd ok\nreadyz check passed\n", said);
    }

    [Theory]
    [InlineData("log", 200)]
    [InlineData("exec", 400)]
    [InlineData("attach", 400)]
    public async Task Pod_without_a_node_says_nothing_and_takes_nothing(string what, int code)
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/pods", """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"x:1"}]}}""");
        using HttpResponseMessage answer = await api.Admin.Http.GetAsync(new Uri($"/api/v1/namespaces/default/pods/p/{what}", UriKind.Relative), Token);
        Assert.Equal(code, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Claim_keeps_what_it_asked_for()
    {
        const string Claims = "/api/v1/namespaces/default/persistentvolumeclaims";
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Claims, """{"metadata":{"name":"a"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}""");
        (int modes, _) = await api.SendAsync(HttpMethod.Patch, $"{Claims}/a", """{"spec":{"accessModes":["ReadWriteMany"]}}""", "application/merge-patch+json");
        (int volume, _) = await api.SendAsync(HttpMethod.Patch, $"{Claims}/a", """{"spec":{"volumeName":"v"}}""", "application/merge-patch+json");
        Assert.Equal((422, 200), (modes, volume));
    }

    [Fact]
    public async Task Object_written_in_an_older_version_has_the_defaults_of_the_stored_one()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", """
            {"metadata":{"name":"gadgets.example.org"},"spec":{"group":"example.org","scope":"Namespaced","names":{"plural":"gadgets","kind":"Gadget"},"versions":[
            {"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"colour":{"type":"string","default":"red"}}}}}}},
            {"name":"v1beta1","served":true,"storage":false,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}
            """);
        await api.SendAsync(HttpMethod.Post, "/apis/example.org/v1beta1/namespaces/default/gadgets", """{"metadata":{"name":"g"},"spec":{"any":1}}""");
        (int code, JsonObject read) = await api.SendAsync(HttpMethod.Get, "/apis/example.org/v1/namespaces/default/gadgets/g");
        Assert.Equal((200, "red"), (code, read.Text("spec", "colour")));
    }
}
