using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests;

/// <summary>
/// The same writes to a real kube-apiserver and to the embedded one: both must come to the same owners of fields, the same answers and the same words.
/// </summary>
/// <remarks>
/// The real one is v1.20; where current Kubernetes differs the embedded server does as that, and these tests leave it out of the comparison or bring it
/// into one form: entries name their subresource since 1.22; a status write owns the status alone and a main write none of it since 1.22; a scale is
/// noted in the object's entries since 1.22; since then, too, merged lists put new elements before the common ones that they precede, and an empty list of entries is passed over instead of taken as a reset; owner references
/// and selectors are atomic, and services have an internalTrafficPolicy, since 1.21; a map that is emptied goes, where v1.20 leaves a null that it then refuses in custom resources; the refusal of an ill-typed configuration names the object since 1.27.
/// </remarks>
public sealed class ServerSideApplyTests(ServerSideApplyTests.LonePlane plane) : IClassFixture<ServerSideApplyTests.LonePlane>
{
    private const string Apply = "application/apply-patch+yaml";
    private const string Merge = "application/merge-patch+json";
    private const string JsonPatch = "application/json-patch+json";
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Config_maps_have_the_same_owners_in_both_servers()
    {
        await using Both both = await Both.StartAsync(plane);
        string maps = $"/api/v1/namespaces/{both.Namespace}/configmaps";
        await both.SameAsync("POST", maps, """{"metadata":{"name":"a","labels":{"x":"y"},"annotations":{}},"data":{"k":"v","l":"w"}}""", manager: "maker");
        await both.SameAsync("PATCH", maps + "/a", """{"data":{"k":"2"}}""", Merge, "second");
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", Map("a", """{"k":"3","l":"w"}"""), Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", Map("a", """{"l":"w","n":"1"}"""), Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", Map("a", """{"l":"w","n":"1"}"""), Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m&force=true", Map("a", """{"k":"3","l":"w"}"""), Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=o", Map("a", """{"k":"4","l":"5"}"""), Apply);
        await both.SameAsync("PATCH", maps + "/a", """{"data":{"l":null,"k":null,"z":"1"}}""", Merge, "second");
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", Map("a", """{"z":"1"}"""), Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}""", Apply);
        // Finalizers are a set.
        await both.SameAsync("PATCH", maps + "/a", """{"metadata":{"finalizers":["x/a","x/b"]}}""", Merge, "second");
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","finalizers":["x/c","x/b"]}}""", Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","finalizers":["x/b"]}}""", Apply);
        await both.SameAsync("PUT", maps + "/a", """{"metadata":{"name":"a"},"data":{"only":"this"}}""", manager: "maker");
        // Sent entries hold when they can be read, and are passed over when not; one empty entry resets.
        await both.SameAsync("PATCH", maps + "/a", """[{"op":"replace","path":"/metadata/managedFields","value":[{"manager":"moved","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:only":{}}}}]}]""", JsonPatch, "second");
        await both.SameAsync("PATCH", maps + "/a", """{"metadata":{"managedFields":[{"manager":"bad","operation":"Eat","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{}}}]}}""", Merge, "second");
        await both.SameAsync("PATCH", maps + "/a", """{"metadata":{"managedFields":[{}]}}""", Merge, "second");
        await both.SameAsync("PATCH", maps + "/a", """{"data":{"b":"1"}}""", Merge, "second");
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", Map("a", """{"b":"2"}"""), Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", Map("a", """{"b":"1"}"""), Apply);
        // So do those of a new object, but for the fields that its maker states.
        string[] sent =
        [
            """{"manager":"before","operation":"Update","apiVersion":"v1","time":"2021-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:k":{},"f:gone":{}}}}""",
            """{"manager":"before","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:k":{}}}}""",
            """{"manager":"maker","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:gone":{}}}}""",
            """{"manager":"before","operation":"Update","apiVersion":"v9","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:gone":{}}}}""",
            """{"manager":"before","operation":"Eat","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:gone":{}}}}""",
            """{"manager":"before","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV2","fieldsV1":{}}""",
            "{}",
        ];
        for (int i = 0; i < sent.Length; i++)
            await both.SameAsync("POST", maps, $$$"""{"metadata":{"name":"sent{{{i}}}","managedFields":[{{{sent[i]}}}]},"data":{"k":"v"}}""", manager: "maker");
        // Eleven updaters are one too many.
        for (int i = 0; i < 13; i++)
            await both.SameAsync("PATCH", maps + "/a", $$$"""{"data":{"u{{{i}}}":"1"}}""", Merge, $"u{i:00}", times: true);
        await both.SameAsync("PATCH", maps + "/new?fieldManager=m", Map("new", """{"b":"1"}"""), Apply);
    }

    [Fact]
    public async Task Deployments_and_services_have_the_same_owners_in_both_servers()
    {
        await using Both both = await Both.StartAsync(plane);
        string deployments = $"/apis/apps/v1/namespaces/{both.Namespace}/deployments", services = $"/api/v1/namespaces/{both.Namespace}/services";
        await both.SameAsync("POST", deployments, Deployment(2, "i"), manager: "maker");
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", Deployment(3, "j"), Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", Deployment(3, "i"), Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", Deployment(2, "i"), Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", Deployment(2, "i"), Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m&force=true", Deployment(4, "j"), Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", Deployment(null, "j"), Apply);
        await both.SameAsync("PATCH", deployments + "/web", """{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"k","ports":[{"containerPort":8080}]}],"initContainers":[{"name":"s","image":"t"}]},"metadata":{"annotations":{"a":"b"}}}}}""",
            "application/strategic-merge-patch+json", "second");
        await both.SameAsync("PATCH", deployments + "/web/status", """{"status":{"replicas":3,"conditions":[{"type":"Available","status":"True","lastUpdateTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}""", Merge, "watcher");
        await both.SameAsync("PATCH", deployments + "/web/status?fieldManager=s", """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"status":{"replicas":1,"conditions":[{"type":"Available","status":"False"}]}}""", Apply);
        await both.SameAsync("PATCH", deployments + "/web/status?fieldManager=s", """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"status":{"observedGeneration":1}}""", Apply);
        await both.SameAsync("PATCH", deployments + "/made?fieldManager=m", Deployment(1, "i").Replace("\"web\"", "\"made\"", StringComparison.Ordinal), Apply);
        await both.SameAsync("POST", services, """{"metadata":{"name":"s"},"spec":{"ports":[{"port":80,"name":"a"},{"port":53,"protocol":"UDP","name":"b"}]}}""", manager: "maker");
        await both.SameAsync("PATCH", services + "/s?fieldManager=m", """{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":443,"protocol":"TCP","name":"c"},{"port":80,"protocol":"TCP","name":"z"}]}}""", Apply);
        await both.SameAsync("PATCH", services + "/s?fieldManager=m", """{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":80,"protocol":"TCP"},{"port":443,"protocol":"TCP","name":"c"}]}}""", Apply);
    }

    [Fact]
    public async Task Custom_resources_have_the_same_owners_in_both_servers()
    {
        await using Both both = await Both.StartAsync(plane);
        string plural = both.Namespace.Replace("-", "", StringComparison.Ordinal) + "s", gadgets = $"/apis/test.ote/v1/namespaces/{both.Namespace}/{plural}";
        await both.DefineAsync(plural, Definition.Replace("PLURAL", plural, StringComparison.Ordinal), gadgets);
        await both.SameAsync("POST", gadgets, Gadget("""{"size":1,"parts":[{"id":"x","n":1},{"id":"y","zone":"w"}],"tags":["b","a"],"plain":["p"],"whole":{"a":"1"},"each":{"a":"1"}}"""), manager: "maker");
        await both.SameAsync("PATCH", gadgets.Replace("/v1/", "/v2/", StringComparison.Ordinal) + "/g", """{"spec":{"size":2}}""", Merge, "other");
        await both.SameAsync("PATCH", gadgets + "/g/status", """{"status":{"phase":"Up"}}""", Merge, "watcher");
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m", Gadget("""{"size":3,"each":{"a":"2"},"whole":{"b":"1"},"parts":[{"id":"x","n":2}],"tags":["c","b"],"plain":["q"]}"""), Apply);
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m", Gadget("""{"each":{"b":"2"},"parts":[{"id":"n","n":2}],"tags":["c"]}"""), Apply);
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m", Gadget("""{"each":{"b":"2"},"tags":["c"]}"""), Apply);
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m&force=true", Gadget("""{"size":3,"whole":{"b":"1"},"plain":["q"]}"""), Apply);
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m", Gadget("""{"size":3,"foo":1}"""), Apply);
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m", Gadget("""{"size":"big"}"""), Apply);
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m", Gadget("""{"parts":[{"id":"a"},{"id":"a","zone":"z"}]}"""), Apply);
        await both.SameAsync("DELETE", gadgets + "/g", null);
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m", Gadget("""{"each":{"b":"2"},"parts":[{"id":"n","n":2}],"tags":["c"]}"""), Apply);
        await both.SameAsync("PATCH", gadgets + "/g", """{"spec":{"parts":[{"id":"n","n":2},{"id":"u","n":3}]}}""", Merge, "second");
        await both.SameAsync("PATCH", gadgets + "/g?fieldManager=m", Gadget("""{"each":{"b":"2"},"tags":["c"]}"""), Apply);
    }

    [Fact]
    public async Task Faults_are_told_in_the_same_words()
    {
        await using Both both = await Both.StartAsync(plane);
        string maps = $"/api/v1/namespaces/{both.Namespace}/configmaps", deployments = $"/apis/apps/v1/namespaces/{both.Namespace}/deployments";
        await both.SameAsync("POST", maps, """{"metadata":{"name":"a"},"data":{"k":"v"}}""");
        foreach (string fields in (string[])["\"dat\":{}", "\"data\":{\"x\":1}", "\"data\":\"x\"", "\"data\":{\"x\":{}}", "\"immutable\":\"x\""])
            await both.SameAsync("PATCH", maps + "/a?fieldManager=m", $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},{{fields}}}""", Apply);
        foreach (string fields in (string[])["\"labels\":[]", "\"finalizers\":[\"a\",\"a\"]", "\"ownerReferences\":[\"x\"]", "\"ownerReferences\":[null]", "\"managedFields\":[]", "\"uid\":\"nobodys\"", "\"resourceVersion\":\"1\""])
            await both.SameAsync("PATCH", maps + "/a?fieldManager=m", $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a",{{{fields}}}}}""", Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", Map("b", "{}"), Apply);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m", """{"kind":"ConfigMap","metadata":{"name":"a"}}""", Apply);
        await both.SameAsync("PATCH", maps + "/no?fieldManager=m", """{"apiVersion":"v1","kind":"ConfigMap"}""", Apply);
        await both.SameAsync("PATCH", maps + "/no?fieldManager=m", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"no","uid":"nobodys"}}""", Apply);
        await both.SameAsync("PATCH", maps + "/a", Map("a", "{}"), Apply);
        await both.SameAsync("PATCH", maps + "/a?force=true", "{}", Merge);
        await both.SameAsync("PATCH", maps + "/a?fieldManager=m&dryRun=All", Map("a", """{"dry":"1"}"""), Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", """{"apiVersion":"apps/v1beta1","kind":"Deployment","metadata":{"name":"web"}}""", Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", Deployment(1, "i").Replace("\"replicas\":1", "\"replicas\":\"x\"", StringComparison.Ordinal), Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", Deployment(1, "i").Replace("\"name\":\"X\"", "\"name\":2", StringComparison.Ordinal), Apply);
        await both.SameAsync("PATCH", deployments + "/web?fieldManager=m", Deployment(1, "i").Replace("\"containerPort\":443", "\"containerPort\":80", StringComparison.Ordinal), Apply);
    }

    /// <summary>What came after v1.20, by what is documented of it.</summary>
    [Fact]
    public async Task Scale_and_status_are_owned_apart_as_in_current_Kubernetes()
    {
        await using Both both = await Both.StartAsync(plane);
        string web = $"/apis/apps/v1/namespaces/{both.Namespace}/deployments/web";
        await both.OursAsync("POST", web[..^4], Deployment(2, "i"), manager: "maker");
        (int code, JsonObject scaled) = await both.OursAsync("PATCH", web + "/scale", """{"spec":{"replicas":3}}""", Merge, "scaler");
        Assert.Equal((200, 3), (code, scaled.Whole("spec", "replicas")));
        (_, JsonObject after) = await both.OursAsync("GET", web, null);
        JsonObject entry = (JsonObject)after.Items("metadata", "managedFields")!.Single(e => e.Text("manager") == "scaler")!;
        Assert.Equal(("scale", "apps/v1", """{"f:spec":{"f:replicas":{}}}"""), (entry.Text("subresource"), entry.Text("apiVersion"), entry["fieldsV1"]!.ToJsonString()));
        Assert.False(((JsonObject)after.Items("metadata", "managedFields")!.Single(e => e.Text("manager") == "maker")!["fieldsV1"]!["f:spec"]!).ContainsKey("f:replicas"));
        const string Scale = """{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"web"},"spec":{"replicas":5}}""";
        (code, JsonObject refused) = await both.OursAsync("PATCH", web + "/scale?fieldManager=m", Scale, Apply);
        Assert.Equal((409, "Apply failed with 1 conflict: conflict with \"scaler\" with subresource \"scale\" using autoscaling/v1: .spec.replicas"), (code, refused.Text("message")));
        (code, scaled) = await both.OursAsync("PATCH", web + "/scale?fieldManager=m&force=true", Scale, Apply);
        Assert.Equal((200, 5), (code, scaled.Whole("spec", "replicas")));
        (code, refused) = await both.OursAsync("PATCH", web + "?fieldManager=n", Deployment(6, "i"), Apply);
        Assert.Equal((409, "Apply failed with 1 conflict: conflict with \"m\" with subresource \"scale\": .spec.replicas"), (code, refused.Text("message")));
        (_, JsonObject status) = await both.OursAsync("PATCH", web + "/status?fieldManager=s",
            """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"no":"owner"}},"spec":{"replicas":9},"status":{"observedGeneration":1}}""", Apply);
        entry = (JsonObject)status.Items("metadata", "managedFields")!.Single(e => e.Text("manager") == "s")!;
        Assert.Equal(("status", """{"f:status":{"f:observedGeneration":{}}}"""), (entry.Text("subresource"), entry["fieldsV1"]!.ToJsonString()));
    }

    [Theory]
    [InlineData("old")]
    [InlineData("new")]
    public async Task Kubectl_applies_server_side_as_against_a_real_server(string age)
    {
        await using Both both = await Both.StartAsync(plane);
        await both.SameKubectlAsync(age, Deployment(2, "nginx:1"), "apply", "--server-side", "-f", "-");
        await both.SameKubectlAsync(age, Deployment(2, "nginx:1"), "apply", "--server-side", "-f", "-");
        await both.SameKubectlAsync(age, Deployment(3, "nginx:1"), "apply", "--server-side", "--field-manager=other", "-f", "-");
        await both.SameKubectlAsync(age, Deployment(3, "nginx:1"), "apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-");
        string[] shown = age == "new" ? ["--show-managed-fields"] : [];
        await both.SameKubectlAsync(age, null, ["get", "deployment", "web", "-o", "jsonpath={.metadata.managedFields[*].manager} {.spec.replicas}", .. shown]);
        await both.SameKubectlAsync(age, Deployment(3, "nginx:2"), "diff", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-");
        await both.SameKubectlAsync(age, null, "delete", "deployment", "web", "--wait=false");
    }

    [Theory]
    [InlineData("old")]
    [InlineData("new")]
    public async Task Kubectl_goes_over_from_its_own_side_to_the_server_s(string age)
    {
        await using Both both = await Both.StartAsync(plane);
        const string Before = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1","b":"1"}}""";
        await both.SameKubectlAsync(age, Before, "apply", "-f", "-");
        await both.SameKubectlAsync(age, Before.Replace("\"a\":\"1\"", "\"a\":\"2\"", StringComparison.Ordinal), "apply", "--server-side", "-f", "-");
        await both.SameAsync("GET", $"/api/v1/namespaces/{both.Namespace}/configmaps/c", null);
        await both.SameKubectlAsync(age, null, "apply", "view-last-applied", "configmap", "c", "-o", "json");
        await both.SameKubectlAsync(age, Before.Replace("\"a\":\"1\",", "", StringComparison.Ordinal), "apply", "--server-side", "-f", "-");
        await both.SameAsync("GET", $"/api/v1/namespaces/{both.Namespace}/configmaps/c", null);
        await both.SameKubectlAsync(age, Before, "apply", "-f", "-");
        await both.SameAsync("GET", $"/api/v1/namespaces/{both.Namespace}/configmaps/c", null);
    }

    private const string Definition = """
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"PLURAL.test.ote"},"spec":{"group":"test.ote","scope":"Namespaced",
        "names":{"plural":"PLURAL","singular":"PLURALone","kind":"Gadget","listKind":"GadgetList"},"versions":[
        {"name":"v1","served":true,"storage":true,"subresources":{"status":{}},"schema":SCHEMA},{"name":"v2","served":true,"storage":false,"subresources":{"status":{}},"schema":SCHEMA}]}}
        """;

    private const string Schema = """
        {"openAPIV3Schema":{"type":"object","properties":{"status":{"type":"object","properties":{"phase":{"type":"string"}}},"spec":{"type":"object","properties":{
        "size":{"type":"integer"},"plain":{"type":"array","items":{"type":"string"}},"tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
        "whole":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},"each":{"type":"object","additionalProperties":{"type":"string"}},
        "parts":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["id","zone"],"items":{"type":"object","required":["id"],
        "properties":{"id":{"type":"string"},"zone":{"type":"string","default":"z"},"n":{"type":"integer"}}}}}}}}}
        """;

    private static string Gadget(string spec) => $$"""{"apiVersion":"test.ote/v1","kind":"Gadget","metadata":{"name":"g"},"spec":{{spec}}}""";

    private static string Map(string name, string data) => $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}"},"data":{{data}}}""";

    private static string Deployment(int? replicas, string image) =>
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"},\"spec\":{" + (replicas is null ? "" : $"\"replicas\":{replicas},")
        + "\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\""
        + image + "\",\"ports\":[{\"containerPort\":80},{\"containerPort\":443,\"name\":\"s\"}],\"env\":[{\"name\":\"X\",\"value\":\"1\"}]}]}}}}";

    /// <summary>A real kube-apiserver without controllers, so that nobody else writes to its objects.</summary>
    public sealed class LonePlane : IAsyncLifetime
    {
        public RealControlPlane Plane { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Plane = await RealControlPlane.StartAsync(
            new("ssa") { ControllerManager = false }, await KubernetesTools.FindAsync(CancellationToken.None), TimeProvider.System, CancellationToken.None);

        public ValueTask DisposeAsync() => Plane.DisposeAsync();
    }

    /// <summary>A namespace of the same name in a real and in an embedded server, and one write after another to both.</summary>
    private sealed class Both : IAsyncDisposable
    {
        private readonly HttpClient _real;
        private readonly ApiServer _server;
        private readonly HttpClient _ours;
        private readonly Scratch _scratch;
        private readonly Dictionary<string, (Kubectl Real, Kubectl Ours)> _kubectls = [];

        private Both(HttpClient real, ApiServer server, Scratch scratch)
        {
            (_real, _server, _scratch) = (real, server, scratch);
            _ours = server.CreateClient(UserInfo.Admin).Http;
        }

        public string Namespace { get; } = RealClusters.FreshName("ssa");

        public static async Task<Both> StartAsync(LonePlane lone)
        {
            RealControlPlane real = lone.Plane;
            KubernetesTools tools = real.Tools;
            Scratch scratch = new("ssa");
            ApiServer server = await ApiServer.StartAsync(new ApiServerOptions { DataDirectory = scratch["data"] }, NullLoggerFactory.Instance, TimeProvider.System, Token);
            IPEndPoint at = await server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
            await server.WriteAdminKubeconfigAsync(scratch["kubeconfig"], new Uri($"https://{at}"), Token);
            Both both = new(real.Client(), server, scratch);
            both._kubectls["old"] = (real.Kubectl(tools.OldKubectl), new Kubectl(tools.OldKubectl, scratch["kubeconfig"], Directory.CreateDirectory(scratch["old"]).FullName));
            both._kubectls["new"] = (real.Kubectl(tools.NewKubectl), new Kubectl(tools.NewKubectl, scratch["kubeconfig"], Directory.CreateDirectory(scratch["new"]).FullName));
            string ns = $$$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{{both.Namespace}}}"}}""";
            Assert.Equal(201, (await SendAsync(both._real, "POST", "/api/v1/namespaces", ns, "application/json", "setup")).Code);
            Assert.Equal(201, (await both.OursAsync("POST", "/api/v1/namespaces", ns)).Code);
            return both;
        }

        public Task<(int Code, JsonObject Body)> OursAsync(string method, string path, string? body, string type = "application/json", string manager = "maker") =>
            SendAsync(_ours, method, path, body, type, manager);

        /// <summary>Sends the same to both and compares the answers: codes, messages, causes, owners and what they own.</summary>
        public async Task SameAsync(string method, string path, string? body, string type = "application/json", string manager = "maker", bool times = false)
        {
            (int Code, JsonObject Body) real = await SendAsync(_real, method, path, body, type, manager), ours = await OursAsync(method, path, body, type, manager);
            Assert.True(
                Comparable(real) == Comparable(ours),
                $"{method} {path} {body}\nreal {Comparable(real)}\nours {Comparable(ours)}");
            // The eldest are known by their times, which count whole seconds.
            if (times)
                await Task.Delay(TimeSpan.FromSeconds(1.1), TimeProvider.System, Token);
        }

        public async Task DefineAsync(string plural, string definition, string collection)
        {
            definition = definition.Replace("SCHEMA", Schema, StringComparison.Ordinal);
            const string Definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            Assert.Equal(201, (await SendAsync(_real, "POST", Definitions, definition, "application/json", "setup")).Code);
            Assert.Equal(201, (await OursAsync("POST", Definitions, definition)).Code);
            string group = $"{plural}.test.ote";
            await _kubectls["new"].Real.ExpectAsync("wait", "--for=condition=Established", $"crd/{group}", "--timeout=30s");
            for (int attempt = 0; (await SendAsync(_real, "GET", collection, null, "application/json", "setup")).Code != 200; attempt++)
            {
                Assert.True(attempt < 100, $"{collection} is not served");
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
            }
        }

        /// <summary>Runs the same kubectl against both and compares what it says.</summary>
        public async Task SameKubectlAsync(string age, string? input, params string[] arguments)
        {
            (Kubectl real, Kubectl ours) = _kubectls[age];
            CommandResult expected = await real.RunAsync(["-n", Namespace, .. arguments], input, TimeSpan.FromMinutes(1), Token);
            CommandResult actual = await ours.RunAsync(["-n", Namespace, .. arguments], input, TimeSpan.FromMinutes(1), Token);
            Assert.Equal(Said(expected), Said(actual));
        }

        public async ValueTask DisposeAsync()
        {
            await SendAsync(_real, "DELETE", $"/api/v1/namespaces/{Namespace}", null, "application/json", "setup");
            _real.Dispose();
            _ours.Dispose();
            await _server.DisposeAsync();
            _scratch.Dispose();
        }

        /// <summary>What kubectl says, without warnings and what differs from run to run.</summary>
        private static string Said(CommandResult result)
        {
            IEnumerable<string> lines = (result.Out + result.Error).Split('\n').Where(line => !line.StartsWith("Warning:", StringComparison.Ordinal));
            // Of a diff only what differs counts, and neither files nor times.
            if (result.Command.Contains(" diff ", StringComparison.Ordinal))
                lines = lines.Where(line => line is ['+' or '-', not ('+' or '-'), ..] && !line.Contains("time: ", StringComparison.Ordinal));
            return $"{result.ExitCode}\n{string.Join('\n', lines)}";
        }

        private static string Comparable((int Code, JsonObject Body) answer)
        {
            JsonObject body = answer.Body;
            if (body.Text("kind") == "Status")
            {
                string message = System.Text.RegularExpressions.Regex.Replace(body.Text("message") ?? "", @"typed patch object \([^)]*\)", "typed patch object");
                message = WithoutSubresource(message);
                // The real server tells of several managers in any order.
                string causes = string.Join('\n', (body.Items("details", "causes") ?? []).Select(c => WithoutSubresource(c!.ToJsonString(s_plain))).Distinct().Order(StringComparer.Ordinal));
                return $"{answer.Code} {body.Text("reason")} {message}\n{causes}";
            }
            IEnumerable<string> entries = (body.Items("metadata", "managedFields") ?? []).Select(e =>
                $"{e.Text("manager")} {e.Text("operation")} {e.Text("apiVersion")} {e.Text("fieldsType")} {(e.Text("time") is null ? "timeless" : "")} {e!["fieldsV1"]!.ToJsonString(s_plain).Replace("\"f:internalTrafficPolicy\":{},", "", StringComparison.Ordinal)}").Order(StringComparer.Ordinal);
            JsonNode? map = body["data"] is JsonObject of ? new JsonObject(of.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))) : null;
            string data = string.Join(' ', new[] { map, body["spec"]?["replicas"], body["spec"]?["ports"]?.AsArray().Select(p => p?["port"]?.ToJsonString()).Aggregate("", (a, b) => a + b + ","), new JsonArray([.. (body.Items("metadata", "finalizers") ?? []).Select(f => f.Text()).Order(StringComparer.Ordinal).Select(f => (JsonNode?)f)]) }
                .Select(n => n?.ToJsonString(s_plain)));
            return $"{answer.Code} {body.Text("kind")} {data}\n{string.Join('\n', entries)}";
        }

        private static string WithoutSubresource(string text) => System.Text.RegularExpressions.Regex.Replace(text, " with subresource .?\"[a-z]+.?\"", "");

        private static async Task<(int Code, JsonObject Body)> SendAsync(HttpClient client, string method, string path, string? body, string type, string manager)
        {
            using HttpRequestMessage request = new(new HttpMethod(method), new Uri(path, UriKind.Relative));
            request.Headers.TryAddWithoutValidation("User-Agent", manager + "/1.0");
            if (body is not null)
            {
                request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
                request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            }
            using HttpResponseMessage answer = await client.SendAsync(request, Token);
            return ((int)answer.StatusCode, (JsonObject)JsonNode.Parse(await answer.Content.ReadAsStringAsync(Token))!);
        }
    }
}
