using System.Diagnostics.Metrics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Audit;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Audit;

/// <summary>What requests leave in the audit log. The server's end writes all that waits, so the log is read after it.</summary>
public sealed class AuditOfRequestsTests : IDisposable
{
    private const string All = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n";
    private static readonly ResourceRef s_bindings = new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false);
    private static readonly UserInfo Jane = new("jane", ["dev", UserInfo.Authenticated]);
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-api-audit-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Log => Path.Combine(_folder, "audit.log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_write_leaves_one_event_of_the_real_form_and_no_body()
    {
        await using (var api = await StartAsync(o => o with { NewUid = () => new Guid(7, 0, 0, new byte[8]), BootstrapRoles = true }))
        {
            await api.Admin.CreateAsync(s_bindings, null, Binding("edit"), Token);
            using var jane = api.As(Jane);
            jane.Http.DefaultRequestHeaders.UserAgent.Clear();
            jane.Http.DefaultRequestHeaders.UserAgent.ParseAdd("kubectl/v1");
            var secret = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Secret", ["metadata"] = new JsonObject { ["name"] = "s" }, ["stringData"] = new JsonObject { ["k"] = "hidden" } };
            await jane.CreateAsync(Kinds.Secrets, "default", secret, Token);
        }

        Assert.Equal(
            """{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"00000007-0000-0000-0000-000000000000","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/default/secrets","verb":"create","user":{"username":"jane","groups":["dev","system:authenticated"]},"userAgent":"kubectl/v1","objectRef":{"resource":"secrets","namespace":"default","name":"s","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestReceivedTimestamp":"2026-03-01T12:00:00.000000Z","stageTimestamp":"2026-03-01T12:00:00.000000Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \"jane\" of ClusterRole \"edit\" to User \"jane\""}}""",
            Lines()[^1]);
        Assert.DoesNotContain("hidden", File.ReadAllText(Log), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Log));
    }

    [Fact]
    public async Task Without_a_policy_reads_leave_nothing_and_refused_reads_do()
    {
        await using (var api = await StartAsync())
        {
            await api.Admin.ListAsync(Kinds.Pods, "default", null, Token);
            using var jane = api.As(Jane);
            await Assert.ThrowsAsync<KubeStatusException>(() => jane.ListAsync(Kinds.Pods, "default", null, Token));
        }

        var read = Assert.Single(Events());
        Assert.Equal(("list", "jane", "forbid", 403L), (read.Text("verb"), read.Text("user", "username"), read.Text("annotations", "authorization.k8s.io/decision"), read.Whole("responseStatus", "code")));
        Assert.Equal("pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"", read.Text("responseStatus", "message"));
    }

    [Fact]
    public async Task Who_acts_for_whom_is_told_and_the_policy_goes_by_who_acts()
    {
        var policy = Policy("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata, users: [\"system:admin\"]}]\n");
        await using (var api = await StartAsync(o => o, policy))
        {
            using var asJane = api.As(UserInfo.Admin);
            asJane.Http.DefaultRequestHeaders.Add("Impersonate-User", "jane");
            await Assert.ThrowsAsync<KubeStatusException>(() => asJane.ListAsync(Kinds.Pods, "default", null, Token));
            using var jane = api.As(Jane);
            await Assert.ThrowsAsync<KubeStatusException>(() => jane.ListAsync(Kinds.Pods, "default", null, Token));
        }

        var only = Assert.Single(Events());
        Assert.Equal(("system:admin", "jane"), (only.Text("user", "username"), only.Text("impersonatedUser", "username")));
    }

    [Fact]
    public async Task A_made_up_name_is_told()
    {
        await using (var api = await StartAsync())
        {
            await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject { ["metadata"] = new JsonObject { ["generateName"] = "made-" } }, Token);
        }

        Assert.StartsWith("made-", Assert.Single(Events()).Text("objectRef", "name"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_is_told_when_it_comes_begins_and_ends_under_one_id()
    {
        await using (var api = await StartAsync(o => o, Policy(All)))
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/namespaces/default/pods?watch=1&timeoutSeconds=5");
            request.Headers.Add("Audit-Id", "of-the-client");
            using var answer = await api.Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
            Assert.Equal("of-the-client", Assert.Single(answer.Headers.GetValues("Audit-Id")));
            _time.Advance(TimeSpan.FromSeconds(5));
            await answer.Content.ReadAsStringAsync(Token);
        }

        Assert.Equal(
            [("RequestReceived", "12:00:00", null), ("ResponseStarted", "12:00:00", 200L), ("ResponseComplete", "12:00:05", 200L)],
            Events().Select(e => (e.Text("stage"), e.Text("stageTimestamp")![11..19], e.Whole("responseStatus", "code"))));
        Assert.All(Events(), e => Assert.Equal(("of-the-client", "watch"), (e.Text("auditID"), e.Text("verb"))));
    }

    [Fact]
    public async Task Over_the_wire_the_address_is_told_and_who_is_not_known_has_no_name()
    {
        await using (var api = await StartAsync())
        {
            var at = await api.Server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
            using var authority = X509Certificate2.CreateFromPem(api.Server.AuthorityPem);
            using var handler = new SocketsHttpHandler();
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck, VerificationTime = _time.GetUtcNow().UtcDateTime,
            };
            using var client = new HttpClient(handler) { BaseAddress = new Uri($"https://{at}/") };
            client.DefaultRequestHeaders.Authorization = new("Bearer", "guessed");
            Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync(new Uri("api/v1/pods?limit=5", UriKind.Relative), Token)).StatusCode);
        }

        var refused = Assert.Single(Events());
        Assert.Equal(("127.0.0.1", "/api/v1/pods?limit=5", 401L), (refused.Items("sourceIPs")![0]!.ToString(), refused.Text("requestURI"), refused.Whole("responseStatus", "code")));
        Assert.Empty((JsonObject)refused["user"]!);
    }

    [Fact]
    public async Task What_is_wrong_with_a_secret_is_not_told()
    {
        await using (var api = await StartAsync())
        {
            var (code, _) = await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/secrets", """{"metadata":{"name":"s"},"data":{"k":"hidden!"}}""");
            Assert.Equal(400, code);
        }

        Assert.Equal(400L, Assert.Single(Events()).Whole("responseStatus", "code"));
        Assert.DoesNotContain("hidden", File.ReadAllText(Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Writes_of_the_disk_that_fail_are_counted_and_stop_no_request()
    {
        using var meters = new Meters();
        var full = true;
        var options = Options(new ApiServerOptions(), null) is var o && o.Audit is { } audit
            ? o with { Audit = audit with { OpenFile = path => new Disk(path, () => Volatile.Read(ref full)) } }
            : throw new InvalidOperationException();
        await using (var server = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, _time, Token, meters))
        {
            using var client = server.CreateClient(UserInfo.Admin);
            await client.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "lost" } }, Token);
            await meters.Lost.Task.WaitAsync(Token);
            Volatile.Write(ref full, false);
            await client.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "kept" } }, Token);
        }

        Assert.Equal("kept", Assert.Single(Events()).Text("objectRef", "name"));
    }

    [Fact]
    public async Task A_log_that_cannot_be_opened_is_one_clear_error()
    {
        var nowhere = Path.Combine(_folder, "none", "audit.log");
        var refused = await Assert.ThrowsAsync<IOException>(() => ApiServer.StartAsync(
            new ApiServerOptions { Audit = new AuditOptions { Path = nowhere } }, NullLoggerFactory.Instance, _time, Token));
        Assert.StartsWith($"The audit log {nowhere} cannot be written", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<IOException>(() => StartAsync(o => o, Policy("rules: []")));
        Assert.Contains("cannot be used: it is not apiVersion: audit.k8s.io/v1", refused.Message, StringComparison.Ordinal);
    }

    private static JsonObject Binding(string role) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "jane" },
        ["roleRef"] = new JsonObject { ["apiGroup"] = "rbac.authorization.k8s.io", ["kind"] = "ClusterRole", ["name"] = role },
        ["subjects"] = new JsonArray(new JsonObject { ["kind"] = "User", ["apiGroup"] = "rbac.authorization.k8s.io", ["name"] = "jane" }),
    };

    private ApiServerOptions Options(ApiServerOptions options, string? policy) => options with { Audit = new AuditOptions { Path = Log, PolicyFile = policy } };

    private Task<ApiServerFixture> StartAsync(Func<ApiServerOptions, ApiServerOptions>? options = null, string? policy = null) =>
        ApiServerFixture.StartAsync(time: _time, options: o => Options(options?.Invoke(o) ?? o, policy));

    private string Policy(string text)
    {
        var file = Path.Combine(_folder, "policy.yaml");
        File.WriteAllText(file, text);
        return file;
    }

    private string[] Lines() => File.ReadAllLines(Log);

    private JsonObject[] Events() => [.. Lines().Where(l => l.Length > 0).Select(l => (JsonObject)JsonNode.Parse(l)!)];

    /// <summary>A disk that can be full.</summary>
    private sealed class Disk(string path, Func<bool> full) : FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, 0)
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (full())
            {
                throw new IOException("No space left on device");
            }

            base.Write(buffer);
        }
    }

    /// <summary>Tells when an event was lost.</summary>
    private sealed class Meters : IMeterFactory
    {
        private readonly MeterListener _listener = new();
        private readonly List<Meter> _meters = [];

        public Meters()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "ote.kube.server.audit.lost" && _meters.Contains(instrument.Meter))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, _, _, _) => Lost.TrySetResult());
            _listener.Start();
        }

        public TaskCompletionSource Lost { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Meter Create(MeterOptions options)
        {
            var meter = new Meter(options);
            _meters.Add(meter);
            return meter;
        }

        public void Dispose()
        {
            _listener.Dispose();
            _meters.ForEach(m => m.Dispose());
        }
    }
}
