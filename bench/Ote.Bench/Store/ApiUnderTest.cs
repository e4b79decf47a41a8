using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Ote.Bench.Load;
using Ote.Testing.Kubernetes;

namespace Ote.Bench.Store;

/// <summary>An API server in processes of its own: the embedded one, or kube-apiserver with its etcd. Asked over TLS, in JSON, by HTTP/1.1.</summary>
internal sealed class ApiUnderTest : IAsyncDisposable
{
    /// <summary>Where in its data directory a root keeps what its API serves.</summary>
    public const string NativeData = "api";

    private readonly IAsyncDisposable _owned;
    private readonly int[] _processes;

    private ApiUnderTest(string name, string kubeconfig, HttpClient http, IAsyncDisposable owned, int server, params int[] others)
    {
        (Name, Kubeconfig, Http, _owned, Server, _processes) = (name, kubeconfig, http, owned, server, [server, .. others]);
    }

    public string Name { get; }

    /// <summary>File of the administrator's kubeconfig.</summary>
    public string Kubeconfig { get; }

    public HttpClient Http { get; }

    /// <summary>Process id of the API server itself.</summary>
    public int Server { get; }

    /// <summary>CPU of all its processes until now, in milliseconds.</summary>
    public double Cpu => _processes.Sum(CpuOf);

    /// <summary>Memory that the API server's process holds, in MB.</summary>
    public double Resident => Serve.Resident.BytesOf(Server) / (1024.0 * 1024);

    /// <summary>Starts the embedded server on a data directory.</summary>
    public static async Task<ApiUnderTest> EmbeddedAsync(string folder, TimeProvider time, CancellationToken ct)
    {
        var child = ChildProcess.Start("serve");
        var at = await child.AskAsync(new JsonObject { ["do"] = "api", ["folder"] = folder }, ct);
        return Embedded((string)at["kubeconfig"]!, child, child.Id, time);
    }

    /// <summary>Starts the native executable as a root with its own API, as a user does, on a data directory.</summary>
    public static async Task<ApiUnderTest> NativeAsync(string ote, string folder, TimeProvider time, CancellationToken ct)
    {
        string[] arguments = ["cluster-controller", "--data", folder, "--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0", "--log-level", "Warning"];
        var root = await Launched.StartAsync(time, ote, arguments, attaches: false, ct);
        return Embedded(Path.Combine(folder, "kubeconfig"), root, root.Id, time);
    }

    /// <summary>Starts a real one, with or without etcd's flush to disk.</summary>
    public static async Task<ApiUnderTest> RealAsync(KubernetesTools tools, bool durable, TimeProvider time, CancellationToken ct)
    {
        var options = new RealControlPlaneOptions("bench")
        {
            ControllerManager = false,
            IsDurable = durable,
            ApiServerArguments = ["--disable-admission-plugins=ServiceAccount", "--max-requests-inflight=3000", "--max-mutating-requests-inflight=1000"],
        };
        var plane = await RealControlPlane.StartAsync(options, tools, time, ct);
        return new ApiUnderTest("real", plane.Kubeconfig, plane.Client(), plane, plane.Processes.Single(p => p.Name.StartsWith("kube-apiserver", StringComparison.Ordinal)).Id,
            plane.Processes.Single(p => p.Name.StartsWith("etcd", StringComparison.Ordinal)).Id);
    }

    /// <summary>Creates an object.</summary>
    /// <exception cref="BenchException">It was refused.</exception>
    public Task CreateAsync(string path, byte[] body, CancellationToken ct) => SendAsync(HttpMethod.Post, path, body, "application/json", ct);

    /// <summary>Merges a patch into an object.</summary>
    /// <exception cref="BenchException">It was refused.</exception>
    public Task PatchAsync(string path, byte[] body, CancellationToken ct) => SendAsync(HttpMethod.Patch, path, body, "application/merge-patch+json", ct);

    /// <summary>Reads all of an answer, and tells its size.</summary>
    public async Task<long> ReadAsync(string path, CancellationToken ct)
    {
        using var answer = await OpenAsync(path, ct);
        await using var stream = await answer.Content.ReadAsStreamAsync(ct);
        var buffer = new byte[128 * 1024];
        long size = 0;
        while (await stream.ReadAsync(buffer, ct) is > 0 and var read)
        {
            size += read;
        }

        return size;
    }

    /// <summary>An answer whose body is still to be read.</summary>
    public async Task<HttpResponseMessage> OpenAsync(string path, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        var answer = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        return answer.IsSuccessStatusCode ? answer : throw new BenchException($"{Name}: GET {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(ct)}");
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _owned.DisposeAsync();
    }

    /// <summary>CPU of a process until now, in milliseconds.</summary>
    public static double CpuOf(int process)
    {
        // utime and stime, in hundredths of a second, after the name in parentheses.
        var fields = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat")).Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return 10.0 * (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture));
    }

    private static ApiUnderTest Embedded(string kubeconfig, IAsyncDisposable owned, int process, TimeProvider time) =>
        new("embedded", kubeconfig, Ote.Kube.Client.Kubeconfig.Load(kubeconfig).CreateHttpClient(time), owned, process);

    private async Task SendAsync(HttpMethod method, string path, byte[] body, string type, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var answer = await Http.SendAsync(request, ct);
        if (!answer.IsSuccessStatusCode)
        {
            throw new BenchException($"{Name}: {method} {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(ct)}");
        }

        await answer.Content.CopyToAsync(Stream.Null, ct);
    }
}
