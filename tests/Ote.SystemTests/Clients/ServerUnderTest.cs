using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Clients;

/// <summary>Either of the two servers that clients must not be able to tell apart: the embedded one, or the real control plane that tests share.</summary>
internal sealed class ServerUnderTest : IAsyncDisposable
{
    public const string Embedded = "embedded", Real = "real";

    // So few that a test passes them in a moment.
    private const int HistoryKept = 50;
    private readonly Scratch? _scratch;
    private readonly ApiServer? _server;
    private readonly RealControlPlane? _plane;

    private ServerUnderTest(string kubeconfig, Scratch? scratch, ApiServer? server, RealControlPlane? plane) =>
        (KubeconfigFile, _scratch, _server, _plane) = (kubeconfig, scratch, server, plane);

    /// <summary>A kubeconfig file of its administrator.</summary>
    public string KubeconfigFile { get; }

    /// <summary>
    /// The version a client names that was away for too long. The real server drops no change of the last minutes, so it is one of before the kind was defined; null: the embedded one has forgotten
    /// the client's own.
    /// </summary>
    public string? ForgottenVersion => _server is null ? "1" : null;

    /// <summary>Starts the one, or takes the other.</summary>
    public static async Task<ServerUnderTest> StartAsync(string side, RealClusters clusters, CancellationToken ct)
    {
        if (side == Real)
        {
            RealCluster real = await clusters.BAsync();
            return new ServerUnderTest(real.Kubeconfig, null, null, real.Own ?? throw new InvalidOperationException("these tests compact the etcd of cluster b: unset OTE_TEST_KUBECONFIG_B"));
        }

        Scratch scratch = new("client");
        ApiServer server = await ApiServer.StartAsync(new ApiServerOptions { DataDirectory = scratch["data"], HistoryKept = HistoryKept }, NullLoggerFactory.Instance, TimeProvider.System, ct);
        IPEndPoint at = await server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), ct);
        await server.WriteAdminKubeconfigAsync(scratch["kubeconfig"], new Uri($"https://{at}"), ct);
        return new ServerUnderTest(scratch["kubeconfig"], scratch, server, null);
    }

    /// <summary>A client without a time limit: watches last.</summary>
    public HttpClient Http()
    {
        HttpClient http = Kubeconfig.Load(KubeconfigFile).CreateHttpClient(TimeProvider.System);
        http.Timeout = Timeout.InfiniteTimeSpan;
        return http;
    }

    /// <summary>Defines a kind that nobody else uses, and waits until it is served.</summary>
    public static async Task<ResourceRef> DefineAsync(KubeClient client, string group, CancellationToken ct)
    {
        ResourceRef kind = new(group, "v1", "notes", "Note", Namespaced: true);
        await client.CreateAsync(Kinds.CustomResourceDefinitions, null, (JsonObject)JsonNode.Parse($$"""
            {
              "metadata": { "name": "notes.{{group}}" },
              "spec": {
                "group": "{{group}}", "scope": "Namespaced", "names": { "kind": "Note", "listKind": "NoteList", "plural": "notes", "singular": "note" },
                "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }]
              }
            }
            """)!, ct);
        for (int i = 0; ; i++)
        {
            try
            {
                await client.ListAsync(kind, "default", null, ct);
                return kind;
            }
            catch (KubeStatusException early) when (early.Code == 404 && i < 300)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, ct);
            }
        }
    }

    /// <summary>Makes the server forget all that was before a version that it gave: the real one's etcd is told to, the embedded one does when enough was written since.</summary>
    public async Task CompactAsync(string version, Func<Task> write, CancellationToken ct)
    {
        if (_plane is null)
        {
            for (int i = 0; i < 3 * HistoryKept; i++)
                await write();
            return;
        }

        string arguments = await File.ReadAllTextAsync(string.Create(CultureInfo.InvariantCulture, $"/proc/{_plane.Processes.Single(p => p.Name.StartsWith("etcd", StringComparison.Ordinal)).Id}/cmdline"), ct);
        string url = arguments.Split('\0').Single(a => a.StartsWith("--listen-client-urls=", StringComparison.Ordinal)).Split('=', 2)[1];
        using HttpClient etcd = new();
        using HttpResponseMessage done = await etcd.PostAsJsonAsync(new Uri($"{url}/v3/kv/compaction"), new JsonObject { ["revision"] = version }, ct);
        done.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _scratch?.Dispose();
    }
}
