using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.Offline;

public sealed class ReplayTests
{
    private const string Before = """{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","uid":"u","resourceVersion":"1","labels":{"a":"1"}},"status":{"phase":"x"}}""";
    private const string After = """{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","uid":"u","resourceVersion":"2","labels":{"a":"2"}},"status":{"phase":"y"}}""";

    [Fact]
    public async Task Labels_that_are_refused_do_not_keep_the_status_from_being_told()
    {
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        database.Write(session => CacheRows.Note(session, database, new StoreKey("/nodes", "", "n"), 0, Encoding.UTF8.GetBytes(Before), Encoding.UTF8.GetBytes(After), 10));
        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var told = new List<string>();
        using var client = new KubeClient(new HttpClient(new Server(told)) { BaseAddress = new Uri("https://up/") });
        Assert.Equal(1, await new Replay(cache, _ => client, _ => Kinds.Nodes, "n", TimeProvider.System, NullLogger.Instance).RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["GET /api/v1/nodes/n", "PATCH /api/v1/nodes/n", "PATCH /api/v1/nodes/n/status", "POST /api/v1/namespaces/default/events"], told);
        Assert.Equal(0, cache.Journalled);
    }

    [Fact]
    public async Task What_was_lost_is_told_again_by_the_same_name_when_the_link_broke_before_it_was_told()
    {
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        database.Write(session => CacheRows.Note(session, database, new StoreKey("/nodes", "", "n"), 0, Encoding.UTF8.GetBytes(Before), Encoding.UTF8.GetBytes(After), 10));
        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var names = new List<string>();
        using var client = new KubeClient(new HttpClient(new Breaking(names)) { BaseAddress = new Uri("https://up/") });
        var replay = new Replay(cache, _ => client, _ => Kinds.Nodes, "n", TimeProvider.System, NullLogger.Instance);
        await Assert.ThrowsAsync<HttpRequestException>(() => replay.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, cache.Journalled);
        Assert.Equal(1, await replay.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, cache.Journalled);
        Assert.Equal(2, names.Count);
        Assert.Equal(names[0], names[1]);
    }

    [Fact]
    public async Task Label_that_a_user_sets_between_the_look_and_the_word_is_not_overwritten()
    {
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        database.Write(session => CacheRows.Note(session, database, new StoreKey("/nodes", "", "n"), 0, Encoding.UTF8.GetBytes(Before), Encoding.UTF8.GetBytes(After), 10));
        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var server = new Changing((JsonObject)JsonNode.Parse(Before)!);
        using var client = new KubeClient(new HttpClient(server) { BaseAddress = new Uri("https://up/") });
        Assert.Equal(1, await new Replay(cache, _ => client, _ => Kinds.Nodes, "n", TimeProvider.System, NullLogger.Instance).RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(("3", "y"), (server.Node.Text("metadata", "labels", "a"), server.Node.Text("status", "phase")));
        Assert.Contains("metadata.labels.a", Assert.Single(server.Events).Text("message"), StringComparison.Ordinal);
        Assert.Equal(0, cache.Journalled);
    }

    [Fact]
    public async Task Entry_that_a_full_disk_keeps_on_the_journal_is_told_again_without_effect_and_is_off_it_when_there_is_room()
    {
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        database.Write(session => CacheRows.Note(session, database, new StoreKey("/nodes", "", "n"), 0, Encoding.UTF8.GetBytes(Before), Encoding.UTF8.GetBytes(After), 10));
        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var server = new Changing((JsonObject)JsonNode.Parse(Before)!) { Patched = () => Writable(false) };
        using var client = new KubeClient(new HttpClient(server) { BaseAddress = new Uri("https://up/") });
        var replay = new Replay(cache, _ => client, _ => Kinds.Nodes, "n", TimeProvider.System, NullLogger.Instance);
        Writable(false);
        await Assert.ThrowsAsync<CacheFailedException>(() => replay.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal((1, 0), (cache.Journalled, server.Patches)); // It is told when it is known for good that it was.

        Writable(true);
        server.Node["metadata"]!["resourceVersion"] = "2";
        await Assert.ThrowsAsync<CacheFailedException>(() => replay.RunAsync(TestContext.Current.CancellationToken));
        var patches = server.Patches;
        Assert.Equal(("2", "y", 1), (server.Node.Text("metadata", "labels", "a"), server.Node.Text("status", "phase"), cache.Journalled));

        // What a user changes since is not taken back by telling it once more.
        server.Node["metadata"]!["labels"]!["a"] = "4";
        Writable(true);
        Assert.Equal(1, await replay.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(("4", "y", 0, patches), (server.Node.Text("metadata", "labels", "a"), server.Node.Text("status", "phase"), cache.Journalled, server.Patches));

        void Writable(bool yes) => database.Read(session => { session.Execute(yes ? "PRAGMA query_only=OFF" : "PRAGMA query_only=ON"); return 0; });
    }

    [Fact]
    public async Task Mirror_pod_gets_its_status_after_the_API_server_has_made_it_with_one_of_its_own()
    {
        const string Pod = """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"m","namespace":"d","uid":"u1","annotations":{"kubernetes.io/config.mirror":"h"}},"status":{"phase":"Running","podIP":"10.0.0.1"}}""";
        const string Made = """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"m","namespace":"d","uid":"u2","resourceVersion":"7","annotations":{"kubernetes.io/config.mirror":"h"}},"status":{"phase":"Pending"}}""";
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        database.Write(session => CacheRows.Note(session, database, new StoreKey("/pods", "d", "m"), 0, null, Encoding.UTF8.GetBytes(Pod), 10));
        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var told = new List<string>();
        using var client = new KubeClient(new HttpClient(new Maker(told, Made)) { BaseAddress = new Uri("https://up/") });
        Assert.Equal(1, await new Replay(cache, _ => client, _ => Kinds.Pods, "n", TimeProvider.System, NullLogger.Instance).RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["GET /api/v1/namespaces/d/pods/m", "POST /api/v1/namespaces/d/pods", "PATCH /api/v1/namespaces/d/pods/m/status"], told.Select(line => line.Split('\n')[0]));
        var status = JsonNode.Parse(told[^1].Split('\n')[1]);
        Assert.Equal(("u2", "Running", "10.0.0.1"), (status.Text("metadata", "uid"), status.Text("status", "phase"), status.Text("status", "podIP")));
    }

    [Theory]
    [InlineData(false, "POST events")]
    [InlineData(true, "POST events,PATCH e")]
    [Trait("Defect", "E15")]
    public async Task An_event_is_told_by_a_kubelet_that_may_not_read_any_and_changed_where_it_was_told_before(bool isThere, string requests)
    {
        const string Event = """{"apiVersion":"v1","kind":"Event","metadata":{"name":"e","namespace":"d","uid":"u1","resourceVersion":"9"},"involvedObject":{"kind":"Pod","name":"p"},"reason":"Started","count":3}""";
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        database.Write(session => CacheRows.Note(session, database, new StoreKey("/events", "d", "e"), TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), null, Encoding.UTF8.GetBytes(Event), 10));
        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var server = new Unreadable(isThere);
        using var client = new KubeClient(new HttpClient(server) { BaseAddress = new Uri("https://up/") });
        Assert.Equal(1, await new Replay(cache, _ => client, _ => Kinds.Events, "n", TimeProvider.System, NullLogger.Instance).RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal((0, requests), (cache.Journalled, string.Join(',', server.Requests)));
        Assert.Equal(3, server.Stored["count"]!.GetValue<int>());
    }

    [Fact]
    public async Task What_others_wait_for_is_told_before_events_and_how_many_of_those_were_not_kept_is_told_once()
    {
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 0; i < 30; i++)
        {
            var one = $$$"""{"apiVersion":"v1","kind":"Event","metadata":{"name":"e{{{i}}}","namespace":"d","uid":"u{{{i}}}","resourceVersion":"9"},"reason":"Started"}""";
            database.Write(session => CacheRows.Note(session, database, new StoreKey("/events", "d", $"e{i}"), now, null, Encoding.UTF8.GetBytes(one), 20));
        }

        database.Write(session => CacheRows.Note(session, database, new StoreKey("/nodes", "", "n"), now, Encoding.UTF8.GetBytes(Before), Encoding.UTF8.GetBytes(After), long.MaxValue));
        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var server = new Changing((JsonObject)JsonNode.Parse(Before)!);
        using var client = new KubeClient(new HttpClient(server) { BaseAddress = new Uri("https://up/") });
        var replay = new Replay(cache, _ => client, entry => MergeRules.IsEvent(entry.Key.Resource) ? Kinds.Events : Kinds.Nodes, "n", TimeProvider.System, NullLogger.Instance);
        Assert.Equal(21, await replay.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal("Node", server.Told[0]);
        Assert.Equal([.. Enumerable.Range(10, 20).Select(i => $"e{i}")], server.Events.Where(told => told.Text("reason") == "Started").Select(told => told.Name()).OrderBy(name => name, StringComparer.Ordinal));
        Assert.Contains("10 events were not kept", Assert.Single(server.Events, told => told.Text("reason") == ConflictEvent.Reason && told.Text("message")!.Contains("events", StringComparison.Ordinal)).Text("message"), StringComparison.Ordinal);
        Assert.Equal(0, cache.DroppedEvents);
    }

    [Theory]
    [InlineData(500, "failed calling webhook \"labels.example.com\"")]
    [InlineData(409, "changed all the time")]
    public async Task What_is_refused_for_now_keeps_no_other_waiting_and_nobody_for_longer_than_two_minutes(int code, string message)
    {
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        foreach (var name in (string[])["n", "other"])
        {
            database.Write(session => CacheRows.Note(session, database, new StoreKey("/nodes", "", name), 0, Bytes(Before, name), Bytes(After, name), 10));
        }

        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var server = new Hooked(code, message);
        using var client = new KubeClient(new HttpClient(server) { BaseAddress = new Uri("https://up/") });
        var time = new FakeTimeProvider();
        var replay = new Replay(cache, _ => client, _ => Kinds.Nodes, "n", time, NullLogger.Instance);
        Assert.Equal(message, (await Assert.ThrowsAsync<KubeStatusException>(() => replay.RunAsync(TestContext.Current.CancellationToken))).Message);
        Assert.Equal(["PATCH /api/v1/nodes/other", "PATCH /api/v1/nodes/other/status"], server.Took.Where(taken => taken.Contains("other", StringComparison.Ordinal)));
        Assert.Equal("n", Assert.Single(cache.Journal()).Key.Name); // and it is told all the same, in whatever order they are

        time.Advance(TimeSpan.FromMinutes(2) - TimeSpan.FromTicks(1));
        await Assert.ThrowsAsync<KubeStatusException>(() => replay.RunAsync(TestContext.Current.CancellationToken));
        time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(1, await replay.RunAsync(TestContext.Current.CancellationToken));
        Assert.Contains($"the API server refused it for 2 minutes: {message}", Assert.Single(server.Events).Text("message"), StringComparison.Ordinal);
        Assert.Equal(0, cache.Journalled);
    }

    [Fact]
    public async Task A_server_that_refuses_all_for_now_is_asked_of_a_few_and_takes_nothing_from_the_journal()
    {
        using var folder = new Scratch("replay");
        var database = NodeDatabase.Open(folder["data"], "n", NullLogger.Instance);
        foreach (var name in Enumerable.Range(0, 50).Select(number => $"n{number}"))
        {
            database.Write(session => CacheRows.Note(session, database, new StoreKey("/nodes", "", name), 0, Bytes(Before, name), Bytes(After, name), 100));
        }

        using var cache = new NodeCache(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        var server = new Hooked(500, "etcd is gone", "");
        using var client = new KubeClient(new HttpClient(server) { BaseAddress = new Uri("https://up/") });
        var time = new FakeTimeProvider();
        var replay = new Replay(cache, _ => client, _ => Kinds.Nodes, "n", time, NullLogger.Instance);
        for (var i = 0; i < 3; i++)
        {
            await Assert.ThrowsAsync<KubeStatusException>(() => replay.RunAsync(TestContext.Current.CancellationToken));
            time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(50, cache.Journalled);
    }

    private static byte[] Bytes(string node, string name) => Encoding.UTF8.GetBytes(node.Replace("\"n\"", $"\"{name}\"", StringComparison.Ordinal));

    /// <summary>An API server that has to ask a webhook about a node, which fails.</summary>
    private sealed class Hooked(int code, string message, string about = "/n") : HttpMessageHandler
    {
        public List<string> Took { get; } = [];

        public List<JsonObject> Events { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var path = request.RequestUri!.AbsolutePath;
            if (request.Method == HttpMethod.Patch && path.EndsWith(about, StringComparison.Ordinal))
            {
                var refusal = new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["status"] = "Failure", ["reason"] = code == 409 ? "Conflict" : "InternalError", ["message"] = message, ["code"] = code };
                return new HttpResponseMessage((HttpStatusCode)code) { Content = new StringContent(refusal.ToJsonString(), Encoding.UTF8, "application/json") };
            }

            if (request.Method == HttpMethod.Post)
            {
                Events.Add((JsonObject)JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!);
            }
            else if (request.Method == HttpMethod.Patch)
            {
                Took.Add($"PATCH {path}");
            }

            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(Before.Replace("\"n\"", $"\"{path.Split('/')[4]}\"", StringComparison.Ordinal), Encoding.UTF8, "application/json") };
        }
    }

    /// <summary>An API server whose events a kubelet may write and not read.</summary>
    private sealed class Unreadable(bool isThere) : HttpMessageHandler
    {
        public List<string> Requests { get; } = [];

        public JsonObject Stored { get; private set; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests.Add($"{request.Method} {request.RequestUri!.Segments[^1]}");
            if (request.Method == HttpMethod.Get)
            {
                return Status(HttpStatusCode.Forbidden, "Forbidden");
            }

            if (request.Method == HttpMethod.Post && isThere)
            {
                return Status(HttpStatusCode.Conflict, "AlreadyExists");
            }

            Stored = (JsonObject)JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!;
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(Stored.ToJsonString(), Encoding.UTF8, "application/json") };
        }

        private static HttpResponseMessage Status(HttpStatusCode code, string reason) => new(code)
        {
            Content = new StringContent($$"""{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"{{reason}}","message":"no","code":{{(int)code}}}""", Encoding.UTF8, "application/json"),
        };
    }

    /// <summary>An API server that has nothing yet, and makes what it is asked for.</summary>
    private sealed class Maker(List<string> told, string made) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            told.Add($"{request.Method} {request.RequestUri!.AbsolutePath}\n{(request.Content is { } body ? await body.ReadAsStringAsync(cancellationToken) : "")}");
            var isThere = request.Method != HttpMethod.Get;
            return new HttpResponseMessage(isThere ? HttpStatusCode.OK : HttpStatusCode.NotFound)
            {
                Content = new StringContent(isThere ? made : """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","message":"no","code":404}""", Encoding.UTF8, "application/json"),
            };
        }
    }

    /// <summary>An API server whose users changed the label too, over a link that breaks when it is told the first event.</summary>
    private sealed class Breaking(List<string> names) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method == HttpMethod.Post)
            {
                names.Add(JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken)).Text("metadata", "name")!);
                if (names.Count == 1)
                {
                    throw new HttpRequestException("it broke");
                }
            }

            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(Before.Replace("\"a\":\"1\"", "\"a\":\"3\"", StringComparison.Ordinal), Encoding.UTF8, "application/json") };
        }
    }

    /// <summary>An API server at which a user changes the label just before it is told of the node's.</summary>
    private sealed class Changing(JsonObject node) : HttpMessageHandler
    {
        public JsonObject Node => node;

        public List<JsonObject> Events { get; } = [];

        /// <summary>The kinds that it was told of, in order.</summary>
        public List<string> Told { get; } = [];

        public int Patches { get; private set; }

        public Action Patched { get; init; } = () => { };

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is { } content ? (JsonObject)JsonNode.Parse(await content.ReadAsStringAsync(cancellationToken))! : [];
            if (request.Method == HttpMethod.Post)
            {
                lock (Events)
                {
                    Events.Add(body);
                    Told.Add("Event");
                }
            }
            else if (request.Method == HttpMethod.Patch)
            {
                Told.Add("Node");
                if (node.ResourceVersion() == "1")
                {
                    (node["metadata"]!["labels"]!["a"], node["metadata"]!["resourceVersion"]) = ("3", "2");
                }

                if (body.Text("metadata", "resourceVersion") is { } version && version != node.ResourceVersion())
                {
                    return new HttpResponseMessage(HttpStatusCode.Conflict) { Content = new StringContent("""{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","message":"changed","code":409}""", Encoding.UTF8, "application/json") };
                }

                node["metadata"]!["labels"]!["a"] = body.Text("metadata", "labels", "a") ?? node.Text("metadata", "labels", "a");
                node["status"]!["phase"] = body.Text("status", "phase") ?? node.Text("status", "phase");
                Patches++;
                Patched();
            }

            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(node.ToJsonString(), Encoding.UTF8, "application/json") };
        }
    }

    /// <summary>An API server at which nobody may change labels.</summary>
    private sealed class Server(List<string> told) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            told.Add($"{request.Method} {request.RequestUri!.AbsolutePath}");
            var refused = request.Method == HttpMethod.Patch && request.RequestUri.AbsolutePath.EndsWith("/n", StringComparison.Ordinal);
            return Task.FromResult(new HttpResponseMessage(refused ? HttpStatusCode.Forbidden : HttpStatusCode.OK)
            {
                Content = new StringContent(refused ? """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"no","code":403}""" : Before, Encoding.UTF8, "application/json"),
            });
        }
    }
}
