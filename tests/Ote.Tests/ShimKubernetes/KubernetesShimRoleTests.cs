using System.Net;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Server;
using Ote.Shim;
using Ote.Shim.Conformance;
using Ote.Shim.Contract;
using Ote.Shim.Kubernetes;
using Ote.Shim.Kubernetes.K3s;
using Ote.Shim.Kubernetes.Kubernetes;
using Ote.Shim.Remote;
using Ote.Tests.Cluster.Handling;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Tests.ShimKubernetes;

/// <summary>The whole way: socket, shim, kubeconfig, TLS, API server.</summary>
public sealed class KubernetesShimRoleTests
{
    private static readonly User s_admin = new() { Name = "ann", Groups = { "dev", "system:masters" } };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Shim_of_a_cluster_passes_every_check_through_its_socket()
    {
        await using Running running = await Running.StartAsync();

        ConformanceReport report = await ShimConformance.RunAsync(
            running.RemoteOptions, ConformanceTarget.KubernetesConfigMaps("default", s_admin), new(), TimeProvider.System, () => 0.5, NullLoggerFactory.Instance, Stop);

        Assert.True(report.Passed, report.ToString());
        // A cluster has nothing that is slow on demand.
        Assert.Equal(["timeout", "cancellation", "slow-request-blocks-no-other"], report.Results.Where(result => result.Outcome == ConformanceOutcome.Skipped).Select(result => result.Name));
    }

    [Fact]
    public async Task Create_repeated_after_a_crash_is_recognised_by_the_clusters_own_field_managers()
    {
        await using Running running = await Running.StartAsync();
        ExecuteRequest create = Request("POST", "/api/v1/namespaces/default/configmaps", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"b"}}""");

        ExecuteResponse first = await running.Remote.ExecuteAsync(create, Stop);
        ExecuteResponse again = await running.Remote.ExecuteAsync(new(create) { Replay = true }, Stop);
        ExecuteResponse others = await running.Remote.ExecuteAsync(new(create) { Replay = true, IdempotencyKey = "another" }, Stop);

        Assert.Equal((201, 201, 409), (first.Code, again.Code, others.Code));
        Assert.Equal(Uid(first), Uid(again));

        static string Uid(ExecuteResponse answer) => JsonNode.Parse(answer.Body.ToStringUtf8())!["metadata"]!["uid"]!.GetValue<string>();
    }

    [Fact]
    public async Task Cluster_decides_by_the_user_who_asked_and_not_by_the_shim_S4()
    {
        await using Running running = await Running.StartAsync();
        ExecuteRequest asNobody = Request("GET", "/api/v1/namespaces/kube-system/secrets");
        asNobody.User = new User { Name = "mallory", Groups = { "guests" } };

        ExecuteResponse refused = await running.Remote.ExecuteAsync(asNobody, Stop);
        ExecuteResponse allowed = await running.Remote.ExecuteAsync(Request("GET", "/api/v1/namespaces/kube-system/secrets"), Stop);

        Assert.Equal((403, Error.None), (refused.Code, refused.Error));
        Assert.Contains("mallory", refused.Body.ToStringUtf8(), StringComparison.Ordinal);
        Assert.Equal(200, allowed.Code);
    }

    [Theory]
    [InlineData("application/json-patch+json", """[{"op":"replace","path":"/data/a","value":"2"}]""")]
    [InlineData("application/merge-patch+json", """{"data":{"a":"2"}}""")]
    [InlineData("application/strategic-merge-patch+json", """{"data":{"a":"2"}}""")]
    [InlineData("application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  a: '2'\n")]
    public async Task Every_kind_of_patch_reaches_the_cluster_as_what_it_is(string contentType, string patch)
    {
        await using Running running = await Running.StartAsync();
        await running.Remote.ExecuteAsync(Request("POST", "/api/v1/namespaces/default/configmaps", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  a: '1'\n"), Stop);
        string query = contentType.StartsWith("application/apply", StringComparison.Ordinal) ? "?fieldManager=test&force=true" : "";
        ExecuteRequest request = Request("PATCH", "/api/v1/namespaces/default/configmaps/m" + query, patch);
        request.ContentType = contentType;

        ExecuteResponse answer = await running.Remote.ExecuteAsync(request, Stop);

        Assert.True(answer.Code == 200, answer.Body.ToStringUtf8());
        Assert.Equal("2", JsonNode.Parse(answer.Body.ToStringUtf8())!["data"]!["a"]!.GetValue<string>());
    }

    [Fact]
    public async Task K3s_shim_says_so_and_is_the_smaller_one()
    {
        await using Running running = await Running.StartAsync(K3sShim.Options);

        ShimDescription said = await running.Remote.DescribeAsync(Stop);

        Assert.Equal(("k3s", 4u, 1024u * 1024), (said.Kind, said.MaxParallel, said.MaxResponseBytes));
        Assert.Equal("/etc/rancher/k3s/k3s.yaml", K3sShim.KubeconfigPath);
        Assert.Empty(K3sShim.Options.Faults());
    }

    [Fact]
    public async Task Everything_wrong_with_the_command_line_is_told_at_once()
    {
        ShimRoleOptions wrong = new() { Listen = "tcp:1", Allow = ["GET pods"], Impersonate = "root" };

        ShimStartException e = await Assert.ThrowsAsync<ShimStartException>(() => RunAsync(wrong, new()));

        Assert.Contains("--listen", e.Message, StringComparison.Ordinal);
        Assert.Contains("--allow", e.Message, StringComparison.Ordinal);
        Assert.Contains("--impersonate", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whose_cluster_it_serves_is_logged_with_who_named_the_file()
    {
        await using Running running = await Running.StartAsync();

        string told = await running.Heard.UntilAsync("The cluster is that of kubeconfig");

        Assert.StartsWith("Information 3104", told, StringComparison.Ordinal);
        Assert.Contains("/kubeconfig, named by --kubeconfig", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Missing_kubeconfig_is_named()
    {
        ShimStartException e = await Assert.ThrowsAsync<ShimStartException>(() => RunAsync(new() { Listen = "unix:/tmp/ote-never/shim.sock", Kubeconfig = "/no/such/config" }, new()));

        Assert.Contains("/no/such/config", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists("/tmp/ote-never"));
    }

    private static Task RunAsync(ShimRoleOptions options, KubernetesShimOptions defaults, CancellationToken? ct = null, Action<ShimAddress>? listening = null, ILoggerFactory? loggers = null) =>
        KubernetesShimRole.RunAsync(options, defaults, new NoMeters(), loggers ?? NullLoggerFactory.Instance, TimeProvider.System, () => 0.5, ct ?? Stop, listening);

    private static ExecuteRequest Request(string method, string url, string body = "") => new()
    {
        Destination = "api", Method = method, Url = url, Body = ByteString.CopyFromUtf8(body), User = s_admin, IdempotencyKey = $"{method} {url}",
    };

    /// <summary>An embedded API server behind TLS, a shim process's role beside it, and a client of the shim.</summary>
    private sealed class Running : IAsyncDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("ote-role-").FullName;
        private readonly CancellationTokenSource _stop = new();
        private ApiServer _server = null!;
        private Task _role = null!;

        public RemoteShimOptions RemoteOptions => new() { Address = ShimAddress.Parse($"unix:{_folder}/shim.sock") };

        public RemoteShim Remote { get; private set; } = null!;

        public Heard Heard { get; } = new();

        public static async Task<Running> StartAsync(KubernetesShimOptions? defaults = null)
        {
            Running running = new();
            running._server = await ApiServer.StartAsync(new ApiServerOptions { Name = "test" }, NullLoggerFactory.Instance, TimeProvider.System, Stop);
            IPEndPoint at = await running._server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Stop);
            string kubeconfig = Path.Combine(running._folder, "kubeconfig");
            await running._server.WriteAdminKubeconfigAsync(kubeconfig, new Uri($"https://127.0.0.1:{at.Port}"), Stop);
            TaskCompletionSource listening = new();
            running._role = RunAsync(new() { Listen = $"unix:{running._folder}/shim.sock", Kubeconfig = kubeconfig }, defaults ?? new(), running._stop.Token, _ => listening.SetResult(), running.Heard);
            await await Task.WhenAny(listening.Task, running._role);
            running.Remote = new RemoteShim(running.RemoteOptions, TimeProvider.System, () => 0.5, NullLogger<RemoteShim>.Instance);
            return running;
        }

        public async ValueTask DisposeAsync()
        {
            await Remote.DisposeAsync();
            await _stop.CancelAsync();
            await _role;
            await _server.DisposeAsync();
            _stop.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
