using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Ote.Testing.Kubernetes;

/// <summary>What a control plane runs besides etcd and kube-apiserver.</summary>
public sealed record RealControlPlaneOptions(string Name)
{
    /// <summary>Without it no Deployment makes pods, no namespace finishes deleting and nothing is garbage-collected.</summary>
    public bool ControllerManager { get; init; } = true;

    /// <summary>The controllers that kube-controller-manager runs, by its own names; null: all it runs by default.</summary>
    public IReadOnlyList<string>? Controllers { get; init; }

    /// <summary>Whether etcd flushes what it acknowledges to the disk; tests need not wait for that.</summary>
    public bool IsDurable { get; init; }

    /// <summary>Needed only where there is a node.</summary>
    public bool Scheduler { get; init; }

    /// <summary>Added to kube-controller-manager's flags.</summary>
    public IReadOnlyList<string> ControllerManagerArguments { get; init; } = [];

    /// <summary>Added to kube-apiserver's flags.</summary>
    public IReadOnlyList<string> ApiServerArguments { get; init; } = [];
}

/// <summary>
/// A real Kubernetes control plane v1.20.2 on loopback ports of its own, with a folder and a certificate authority of its own. Any
/// number run at once. Disposal ends every process of it and removes the folder; the same happens to the processes when this one dies.
/// </summary>
public sealed class RealControlPlane : IAsyncDisposable
{
    // kube-apiserver cannot take port 0, so a port that was free may be taken by the time it is used.
    private const int Attempts = 4;

    private readonly RealControlPlaneOptions _options;
    private readonly KubernetesTools _tools;
    private readonly TimeProvider _time;
    private readonly Scratch _folder;
    private readonly ClusterAuthority _authority;
    private readonly ClusterAuthority _front;
    private readonly List<GuardedProcess> _processes = [];
    private int _etcd;
    private int _controllers;

    private RealControlPlane(RealControlPlaneOptions options, KubernetesTools tools, TimeProvider time)
    {
        _options = options;
        _tools = tools;
        _time = time;
        _folder = new Scratch(options.Name);
        _authority = new ClusterAuthority($"{options.Name}-ca", time);
        _front = new ClusterAuthority($"{options.Name}-front-proxy-ca", time);
    }

    public string Name => _options.Name;

    /// <summary>https://127.0.0.1:port</summary>
    public Uri Server { get; private set; } = null!;

    /// <summary>A kubeconfig file with a client certificate of the group system:masters and the authority to verify the server by.</summary>
    public string Kubeconfig => _folder["admin.kubeconfig"];

    public ClusterAuthority Authority => _authority;

    public KubernetesTools Tools => _tools;

    /// <summary>etcd, kube-apiserver and so on, in the order they started.</summary>
    public IReadOnlyList<GuardedProcess> Processes => _processes;

    /// <summary>The folder of this control plane: keys, logs, etcd's data. Removed on disposal.</summary>
    public string Folder => _folder.Path;

    /// <summary>Starts a control plane and waits until it is ready to run what is asked of it (about 5 s).</summary>
    /// <exception cref="InvalidOperationException">A process ended or was not ready in time; the end of its log is in the message.</exception>
    public static async Task<RealControlPlane> StartAsync(RealControlPlaneOptions options, KubernetesTools tools, TimeProvider time, CancellationToken ct)
    {
        RealControlPlane plane = new(options, tools, time);
        try
        {
            plane.WriteKeys();
            for (int attempt = 1; ; attempt++)
            {
                try
                {
                    await plane.StartProcessesAsync(ct);
                    return plane;
                }
                catch (InvalidOperationException error) when (attempt < Attempts && error.Message.Contains("address already in use", StringComparison.Ordinal))
                {
                    await plane.EndProcessesAsync();
                }
            }
        }
        catch
        {
            await plane.DisposeAsync();
            throw;
        }
    }

    /// <summary>kubectl as administrator of this control plane.</summary>
    /// <param name="binary">One of <see cref="KubernetesTools"/>.</param>
    public Kubectl Kubectl(string binary) => new(binary, Kubeconfig, Directory.CreateDirectory(_folder[$"home-{Path.GetFileName(Path.GetDirectoryName(binary))}"]).FullName);

    /// <summary>Writes a kubeconfig for a user of one's own, and returns its path.</summary>
    public string WriteKubeconfig(string fileName, string user, params string[] groups)
    {
        IssuedCertificate client = _authority.IssueClient(user, groups);
        return KubeconfigFile.Write(_folder[fileName], Name, Server, _authority.Certificate, client);
    }

    public async ValueTask DisposeAsync()
    {
        await EndProcessesAsync();
        _authority.Dispose();
        _front.Dispose();
        _folder.Dispose();
    }

    private void WriteKeys()
    {
        Write("ca.crt", _authority.Certificate);
        Write("apiserver", _authority.IssueServer("kube-apiserver",
            ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"],
            [IPAddress.Loopback, IPAddress.Parse("10.96.0.1")]));
        Write("apiserver-kubelet-client", _authority.IssueClient("kube-apiserver-kubelet-client", "system:masters"));
        Write("front-proxy-ca.crt", _front.Certificate);
        Write("front-proxy-client", _front.IssueClient("front-proxy-client"));
        using ECDsa serviceAccounts = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Write("sa.key", serviceAccounts.ExportECPrivateKeyPem());
    }

    private async Task StartProcessesAsync(CancellationToken ct)
    {
        int[] ports = FreePorts.Take(5);
        (int etcd, int etcdPeers, int api, int controllers, int scheduler) = (ports[0], ports[1], ports[2], ports[3], ports[4]);
        Server = new Uri($"https://127.0.0.1:{api}");
        await StartAsync("etcd", "etcd",
        [
            .. _options.IsDurable ? (string[])[] : ["--unsafe-no-fsync"], $"--data-dir={_folder[$"etcd-{etcd}"]}", $"--listen-client-urls=http://127.0.0.1:{etcd}", $"--advertise-client-urls=http://127.0.0.1:{etcd}",
            $"--listen-peer-urls=http://127.0.0.1:{etcdPeers}", $"--initial-advertise-peer-urls=http://127.0.0.1:{etcdPeers}", $"--initial-cluster=default=http://127.0.0.1:{etcdPeers}",
        ]);
        _etcd = etcd;
        _processes.Add(await StartApiServerAsync(api));
        WriteKubeconfig("admin.kubeconfig", "kubernetes-admin", "system:masters");
        await UntilAsync("/readyz", ct);
        if (_options.ControllerManager)
        {
            _controllers = controllers;
            _processes.Add(await StartControllerManagerAsync());
        }
        if (_options.Scheduler)
        {
            await StartAsync("kube-scheduler", Path.Combine(_tools.Folder, "kube-scheduler"),
                $"--kubeconfig={Kubeconfig}", "--leader-elect=false", "--port=0", $"--secure-port={scheduler}", "--bind-address=127.0.0.1", $"--cert-dir={_folder["certs"]}");
        }
        // A pod is refused until its namespace's service account exists, and that comes from the controllers.
        if (_options is { ControllerManager: true, Controllers: null })
            await UntilAsync("/api/v1/namespaces/default/serviceaccounts/default", ct);
    }

    /// <summary>Ends kube-controller-manager and starts it again, so that it knows no more than what the cluster says.</summary>
    public async Task RestartControllerManagerAsync()
    {
        int at = _processes.FindIndex(process => process.Name.StartsWith("kube-controller-manager", StringComparison.Ordinal));
        await _processes[at].DisposeAsync();
        _processes[at] = await StartControllerManagerAsync();
    }

    private Task<GuardedProcess> StartControllerManagerAsync() => GuardedProcess.StartAsync(new(
        $"kube-controller-manager of {Name}", Path.Combine(_tools.Folder, "kube-controller-manager"),
        [
            $"--kubeconfig={Kubeconfig}", "--leader-elect=false", "--port=0", $"--secure-port={_controllers}", "--bind-address=127.0.0.1", $"--cert-dir={_folder["certs"]}",
            $"--service-account-private-key-file={_folder["sa.key"]}", $"--root-ca-file={_folder["ca.crt"]}",
            $"--controllers={string.Join(',', _options.Controllers ?? ["*"])}", .. _options.ControllerManagerArguments,
        ],
        _folder["kube-controller-manager.log"]));

    /// <summary>Starts a kube-apiserver on the same etcd; it is ready a little later (<c>/readyz</c>). The caller ends it.</summary>
    /// <param name="port">Its port on loopback; the first one's is that of <see cref="Server"/>.</param>
    public async Task<GuardedProcess> StartApiServerAsync(int port) => await GuardedProcess.StartAsync(new(
        $"kube-apiserver of {Name}", Path.Combine(_tools.Folder, "kube-apiserver"),
        [
            $"--etcd-servers=http://127.0.0.1:{_etcd}", $"--secure-port={port}", "--bind-address=127.0.0.1", "--endpoint-reconciler-type=none",
            $"--tls-cert-file={_folder["apiserver.crt"]}", $"--tls-private-key-file={_folder["apiserver.key"]}", $"--client-ca-file={_folder["ca.crt"]}",
            $"--cert-dir={_folder["certs"]}", "--service-account-issuer=https://kubernetes.default.svc", $"--service-account-key-file={_folder["sa.key"]}",
            $"--service-account-signing-key-file={_folder["sa.key"]}", "--authorization-mode=Node,RBAC", "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true", "--kubelet-preferred-address-types=InternalIP",
            $"--kubelet-client-certificate={_folder["apiserver-kubelet-client.crt"]}", $"--kubelet-client-key={_folder["apiserver-kubelet-client.key"]}",
            $"--requestheader-client-ca-file={_folder["front-proxy-ca.crt"]}", "--requestheader-allowed-names=front-proxy-client", "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            $"--proxy-client-cert-file={_folder["front-proxy-client.crt"]}", $"--proxy-client-key-file={_folder["front-proxy-client.key"]}",
            .. _options.ApiServerArguments,
        ],
        _folder["kube-apiserver.log"]));

    private async Task UntilAsync(string path, CancellationToken ct)
    {
        using HttpClient client = Client();
        long began = _time.GetTimestamp();
        while (!await AnswersAsync(client, path, ct))
        {
            if (_processes.Find(process => process.Exited.IsCompleted) is { } dead)
                throw dead.Failure($"of control plane {Name} ended with {await dead.Exited}");
            if (_time.GetElapsedTime(began) > TimeSpan.FromSeconds(90))
                throw _processes[^1].Failure($"of control plane {Name}: {path} did not answer 200 within 90 s");
            await Task.Delay(TimeSpan.FromMilliseconds(200), _time, ct);
        }
    }

    private static async Task<bool> AnswersAsync(HttpClient client, string path, CancellationToken ct)
    {
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(new Uri(path, UriKind.Relative), ct);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
        catch (TaskCanceledException) when (!ct.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>An administrator's client, verified both ways; the caller disposes of it.</summary>
    public HttpClient Client()
    {
        IssuedCertificate admin = _authority.IssueClient("kubernetes-admin", "system:masters");
        SocketsHttpHandler handler = new();
        handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPem(admin.Certificate, admin.Key)];
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { _authority.Root },
            RevocationMode = X509RevocationMode.NoCheck,
        };
        return new HttpClient(handler) { BaseAddress = Server, Timeout = TimeSpan.FromSeconds(10) };
    }

    private async Task StartAsync(string name, string file, params string[] arguments) =>
        _processes.Add(await GuardedProcess.StartAsync(new($"{name} of {Name}", file, arguments, _folder[$"{name}.log"])));

    private async Task EndProcessesAsync()
    {
        for (int i = _processes.Count - 1; i >= 0; i--)
            await _processes[i].DisposeAsync();
        _processes.Clear();
    }

    private void Write(string name, IssuedCertificate issued)
    {
        Write(name + ".crt", issued.Certificate);
        Write(name + ".key", issued.Key);
    }

    private void Write(string name, string text) => File.WriteAllText(_folder[name], text, Encoding.ASCII);
}
