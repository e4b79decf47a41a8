using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Shim;
using Ote.Shim.Contract;
using Ote.Shim.Kubernetes.Kubernetes;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Tests.ShimKubernetes.Kubernetes;

public sealed class ReplayTests
{
    private const string Maps = "/api/v1/namespaces/a/configmaps";
    private const string Map = """{"metadata":{"name":"m"}}""";

    private static ExecuteRequest Request(string method, string url, string body = "", string contentType = "", string key = "k", bool replay = true) => new()
    {
        Destination = "api", Method = method, Url = url, Body = ByteString.CopyFromUtf8(body), ContentType = contentType, IdempotencyKey = key, Replay = replay, User = new User { Name = "ann" },
    };

    [Fact]
    public async Task Create_repeated_after_a_crash_is_answered_as_the_create_it_was()
    {
        await using Cluster cluster = await Cluster.StartAsync();
        Assert.Equal(201, (await cluster.RunAsync(Request("POST", Maps, Map, replay: false))).Code);

        ExecuteResponse again = await cluster.RunAsync(Request("POST", Maps, Map));

        Assert.Equal((201, Error.None), (again.Code, again.Error));
        Assert.Equal("m", JsonNode.Parse(again.Body.ToStringUtf8())!["metadata"]!["name"]!.GetValue<string>());
        Assert.Single(cluster.Objects);
    }

    [Fact]
    public async Task Create_whose_earlier_run_never_arrived_creates()
    {
        await using Cluster cluster = await Cluster.StartAsync();

        Assert.Equal(201, (await cluster.RunAsync(Request("POST", Maps, Map))).Code);
        Assert.Single(cluster.Objects);
    }

    [Fact]
    public async Task Create_repeated_over_someone_elses_object_is_the_conflict_it_is()
    {
        await using Cluster cluster = await Cluster.StartAsync();
        await cluster.RunAsync(Request("POST", Maps, Map, key: "another", replay: false));

        ExecuteResponse again = await cluster.RunAsync(Request("POST", Maps, Map));

        Assert.Equal((409, Error.None), (again.Code, again.Error));
    }

    [Theory]
    [InlineData(Maps + "?fieldManager=me", true, "k")]
    [InlineData(Maps, false, "k")]
    [InlineData(Maps, true, "")]
    public async Task Create_that_meets_an_object_nobody_can_attribute_has_an_unknown_outcome(string url, bool keepsManagers, string key)
    {
        await using Cluster cluster = await Cluster.StartAsync(keepsManagers);
        await cluster.RunAsync(Request("POST", url, Map, key: key, replay: false));

        Assert.Equal(Error.OutcomeUnknown, (await cluster.RunAsync(Request("POST", url, Map, key: key))).Error);
    }

    [Theory]
    [InlineData("POST", Maps, """{"metadata":{"generateName":"m-"}}""", "")]
    [InlineData("POST", Maps, "metadata:\n  generateName: m-\n", "application/yaml")]
    [InlineData("POST", Maps, "k8s\0proto", "application/vnd.kubernetes.protobuf")]
    [InlineData("POST", "/api/v1/namespaces/a/pods/p/eviction", Map, "")]
    [InlineData("POST", "/api/v1/namespaces/a/pods/p/binding", Map, "")]
    [InlineData("PATCH", Maps + "/m", """[{"op":"add","path":"/data/list/-","value":"x"}]""", "")]
    [InlineData("PATCH", Maps + "/m", """[{"op":"add","path":"/spec/list/0","value":"x"}]""", "")]
    [InlineData("PATCH", Maps + "/m", """[{"op":"remove","path":"/data/a"}]""", "")]
    [InlineData("PATCH", Maps + "/m", """[{"op":"test","path":"/data/a","value":"1"},{"op":"replace","path":"/data/a","value":"2"}]""", "")]
    [InlineData("PATCH", Maps + "/m", """[{"op":"move","from":"/data/a","path":"/data/b"}]""", "")]
    public async Task What_could_do_a_second_thing_is_never_sent_again(string method, string url, string body, string contentType)
    {
        await using Cluster cluster = await Cluster.StartAsync();

        ExecuteResponse answer = await cluster.RunAsync(Request(method, url, body, contentType));

        Assert.Equal((Error.OutcomeUnknown, 409), (answer.Error, answer.Code));
        Assert.Empty(cluster.Server.Requests);
        Assert.Equal(Error.None, (await cluster.RunAsync(Request(method, url, body, contentType, replay: false))).Error);
        Assert.Single(cluster.Server.Requests);
    }

    [Theory]
    [InlineData("GET", Maps, "", "")]
    [InlineData("PUT", Maps + "/m", Map, "")]
    [InlineData("DELETE", Maps + "/m", "", "")]
    [InlineData("PATCH", Maps + "/m", "{}", "application/merge-patch+json")]
    [InlineData("PATCH", Maps + "/m", "{}", "application/strategic-merge-patch+json")]
    [InlineData("PATCH", Maps + "/m", "kind: ConfigMap", "application/apply-patch+yaml")]
    [InlineData("PATCH", Maps + "/m", """[{"op":"replace","path":"/spec/containers/0/image","value":"x"},{"op":"add","path":"/data/a","value":"x"}]""", "")]
    [InlineData("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "{}", "")]
    [InlineData("POST", Maps + "?dryRun=All", """{"metadata":{"generateName":"m-"}}""", "")]
    public async Task What_ends_in_the_same_is_run_again(string method, string url, string body, string contentType)
    {
        await using Cluster cluster = await Cluster.StartAsync();

        Assert.Equal(Error.None, (await cluster.RunAsync(Request(method, url, body, contentType))).Error);
        Assert.Single(cluster.Server.Requests);
    }

    [Fact]
    public async Task Delete_of_what_the_earlier_run_deleted_succeeds()
    {
        await using Cluster cluster = await Cluster.StartAsync();

        ExecuteResponse again = await cluster.RunAsync(Request("DELETE", Maps + "/m"));
        ExecuteResponse first = await cluster.RunAsync(Request("DELETE", Maps + "/m", replay: false));

        Assert.Equal((200, "Success"), (again.Code, JsonNode.Parse(again.Body.ToStringUtf8())!["status"]!.GetValue<string>()));
        Assert.Equal(404, first.Code);
    }

    [Fact]
    public async Task Conflict_of_a_versioned_update_on_replay_has_an_unknown_outcome()
    {
        await using Cluster cluster = await Cluster.StartAsync();
        const string body = """{"metadata":{"name":"m","resourceVersion":"7"}}""";

        Assert.Equal(409, (await cluster.RunAsync(Request("PUT", Maps + "/m", body, replay: false))).Code);
        Assert.Equal(Error.OutcomeUnknown, (await cluster.RunAsync(Request("PUT", Maps + "/m", body))).Error);
    }

    /// <summary>A server that creates, finds, deletes and conflicts as the real one does, with or without field managers.</summary>
    private sealed class Cluster : IAsyncDisposable
    {
        private Cluster(FakeApiServer server) => Server = server;

        public FakeApiServer Server { get; }

        public ConcurrentDictionary<string, JsonObject> Objects { get; } = [];

        private KubernetesShim Shim { get; set; } = null!;

        public static async Task<Cluster> StartAsync(bool keepsManagers = true)
        {
            Cluster cluster = new(await FakeApiServer.StartAsync());
            cluster.Server.OnRequest = (seen, context) => cluster.HandleAsync(seen, context, keepsManagers);
            cluster.Shim = new KubernetesShim(new HttpClient { BaseAddress = cluster.Server.Url }, new(), new ShimMetrics(new NoMeters()), TimeProvider.System, () => 0.5, NullLogger<KubernetesShim>.Instance);
            return cluster;
        }

        public Task<ExecuteResponse> RunAsync(ExecuteRequest request) => Shim.ExecuteAsync(request, TestContext.Current.CancellationToken);

        public async ValueTask DisposeAsync()
        {
            await Shim.DisposeAsync();
            await Server.DisposeAsync();
        }

        private Task HandleAsync(FakeApiServer.Seen seen, HttpContext context, bool keepsManagers)
        {
            string path = context.Request.Path;
            string name = path[(path.LastIndexOf('/') + 1)..];
            switch (seen.Method)
            {
                case "POST" when path == Maps && seen.Body.Contains("\"name\"", StringComparison.Ordinal):
                    JsonObject created = (JsonObject)JsonNode.Parse(seen.Body)!;
                    name = created["metadata"]!["name"]!.GetValue<string>();
                    if (keepsManagers)
                        created["metadata"]!["managedFields"] = new JsonArray(new JsonObject { ["manager"] = context.Request.Query["fieldManager"].ToString() });
                    return Objects.TryAdd(name, created) ? FakeApiServer.Answer(context, 201, created.ToJsonString()) : FakeApiServer.Status(context, 409, "AlreadyExists", name);
                case "PUT" when seen.Body.Contains("resourceVersion", StringComparison.Ordinal):
                    return FakeApiServer.Status(context, 409, "Conflict", name);
                case "DELETE":
                    return Objects.TryRemove(name, out _) ? FakeApiServer.Answer(context, 200, "{}") : FakeApiServer.Status(context, 404, "NotFound", name);
                case "GET" when path != Maps:
                    return Objects.TryGetValue(name, out JsonObject? found) ? FakeApiServer.Answer(context, 200, found.ToJsonString()) : FakeApiServer.Status(context, 404, "NotFound", name);
                default:
                    return FakeApiServer.Answer(context, 200, "{}");
            }
        }
    }
}
