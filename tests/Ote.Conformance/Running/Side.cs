using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Server;
using Ote.Testing.Kubernetes;

namespace Ote.Conformance.Running;

/// <summary>One of the two servers that are compared, started and ended here.</summary>
internal abstract class Side : IAsyncDisposable
{
    /// <summary>How the report calls it.</summary>
    public abstract string Name { get; }

    /// <summary>A kubeconfig file of its administrator.</summary>
    public abstract string Kubeconfig { get; }

    public abstract ValueTask DisposeAsync();

    /// <summary>The embedded server, on disk and with a TLS listener.</summary>
    public static async Task<Side> StartEmbeddedAsync(CancellationToken ct)
    {
        Scratch folder = new("conformance");
        ApiServer server = await ApiServer.StartAsync(new ApiServerOptions { DataDirectory = folder["data"], ServiceAccountIssuer = "https://kubernetes.default.svc", KeepsKubernetesService = true }, NullLoggerFactory.Instance, TimeProvider.System, ct);
        IPEndPoint at = await server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), ct);
        await server.WriteAdminKubeconfigAsync(folder["kubeconfig"], new Uri($"https://{at}"), ct);
        return new Embedded(server, folder);
    }

    /// <summary>
    /// kube-apiserver with the three controllers whose work the embedded server does itself. Without the admission plugins that only do one half
    /// of a work and leave the other to a controller that is not here: tokens for pods, finalizers of volumes in use, taints of new nodes.
    /// </summary>
    public static async Task<Side> StartRealAsync(string name, KubernetesTools tools, CancellationToken ct) => new Real(await RealControlPlane.StartAsync(
        new($"conformance{name}") { Controllers = ["namespace", "garbagecollector", "resourcequota"], ApiServerArguments = ["--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection,TaintNodesByCondition"] },
        tools, TimeProvider.System, ct));

    private sealed class Embedded(ApiServer server, Scratch folder) : Side
    {
        public override string Name => "embedded";

        public override string Kubeconfig => folder["kubeconfig"];

        public override async ValueTask DisposeAsync()
        {
            await server.DisposeAsync();
            folder.Dispose();
        }
    }

    private sealed class Real(RealControlPlane plane) : Side
    {
        public override string Name => "real";

        public override string Kubeconfig => plane.Kubeconfig;

        public override ValueTask DisposeAsync() => plane.DisposeAsync();
    }
}
