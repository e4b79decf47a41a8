using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Shim.Contract;
using Ote.Shim.Hosting;
using Ote.Shim.Kubernetes.K3s;
using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Shim.Kubernetes;

/// <summary>A shim as a process of its own: reads its kubeconfig, listens, serves until stopped. The cluster need not be up.</summary>
public static class KubernetesShimRole
{
    /// <summary>Runs <c>ote shim k8s</c> (<paramref name="defaults"/> = <c>new()</c>) or <c>ote shim k3s</c> (<see cref="K3sShim.Options"/>) until <paramref name="ct"/>, then stops gracefully.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="defaults">Sizes and times of this kind of shim.</param>
    /// <param name="meters">Where the meter "Ote.Shim" is made.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="ct">Asks it to stop; returning then is success.</param>
    /// <param name="listening">Called once with the address, port included, when callers are served.</param>
    /// <param name="readiness">Told whether the cluster answers: once it is known (within <see cref="KubernetesShimOptions.ProbeTimeout"/> of the start, twice that at most), and at each change.</param>
    /// <param name="extend">Puts more around the shim, given what reaches the cluster; what it returns is served, and owns the shim.</param>
    /// <exception cref="ShimStartException">It cannot start as asked: one line for the operator, with every fault of the command line at once.</exception>
    public static async Task RunAsync(
        ShimRoleOptions options, KubernetesShimOptions defaults, IMeterFactory meters, ILoggerFactory loggers,
        TimeProvider time, Func<double> random, CancellationToken ct, Action<ShimAddress>? listening = null, Action<Readiness>? readiness = null,
        Func<IClusterShim, KubeEndpoint, IClusterShim>? extend = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(defaults);
        (ShimHostOptions host, KubernetesShimOptions shim) = Read(options, defaults);
        KubeEndpoint endpoint = Endpoint(options, defaults.Kind, loggers.CreateLogger(typeof(KubernetesShimRole)));
        KubernetesShim inner = new(endpoint.CreateHttpClient(time), shim, new ShimMetrics(meters), time, random, loggers.CreateLogger<KubernetesShim>(), endpoint.CreateLiveInvoker(time));
        await using IClusterShim served = extend?.Invoke(inner, endpoint) ?? inner;
        await using ShimHost serving = await ShimHost.StartAsync(served, host, loggers, ct);
        listening?.Invoke(serving.Address);
        await TellReadinessAsync(served, loggers.CreateLogger(typeof(KubernetesShimRole)), readiness, ct);
    }

    private static KubeEndpoint Endpoint(ShimRoleOptions options, string kind, ILogger log)
    {
        string path = options.Kubeconfig ?? (kind == K3sShim.Kind ? K3sShim.KubeconfigPath : Kubeconfig.DefaultPath(null));
        try
        {
            KubeEndpoint endpoint = Kubeconfig.Load(path, options.Context);
            log.KubeconfigUsed(path, By(options, kind), options.Context is { } context ? $", context {context}" : "");
            return endpoint;
        }
        catch (KubeconfigException e)
        {
            throw new ShimStartException(e.Message, e);
        }
    }

    // Whoever did not name a file should see which cluster commands go to.
    private static string By(ShimRoleOptions options, string kind) =>
        options.Kubeconfig is not null ? "--kubeconfig"
        : kind == K3sShim.Kind ? "k3s' own default; --kubeconfig names another"
        : Kubeconfig.IsListed ? "$KUBECONFIG; --kubeconfig names another"
        : "kubectl's default; --kubeconfig names another";

    /// <summary>Pure but for reading the TLS files.</summary>
    private static (ShimHostOptions Host, KubernetesShimOptions Shim) Read(ShimRoleOptions options, KubernetesShimOptions defaults)
    {
        List<string> faults = [];
        if (!ShimAddress.TryParse(options.Listen, out ShimAddress? address, out string? error))
            faults.Add($"--listen: {error}");
        List<AllowRule> rules = [];
        foreach (string text in options.Allow)
        {
            if (AllowRule.TryParse(text, out AllowRule? rule, out error))
                rules.Add(rule);
            else
                faults.Add($"--allow: {error}");
        }
        if (options.Impersonate is not ("requester" or "none"))
            faults.Add($"--impersonate: '{options.Impersonate}' is neither requester nor none");
        string?[] files = [options.TlsCertificate, options.TlsKey, options.ClientAuthority];
        if (address is { IsUnix: false } && files.Contains(null))
            faults.Add($"{address} needs --tls-cert, --tls-key and --client-ca: a shim over the network is always mutual TLS");
        if (faults.Count > 0)
            throw new ShimStartException(string.Join("; ", faults));

        ShimTls? tls = address!.IsUnix ? null : ShimTls.FromFiles(files[0]!, files[1]!, files[2]!, options.ClientNames);
        return (
            new ShimHostOptions { Listen = address, Tls = tls },
            defaults with
            {
                Allow = rules.Count > 0 ? rules : defaults.Allow,
                Impersonate = options.Impersonate == "none" ? Impersonation.None : Impersonation.Requester,
            });
    }

    private static async Task TellReadinessAsync(IClusterShim shim, ILogger log, Action<Readiness>? readiness, CancellationToken ct)
    {
        (bool, string, string)? told = null;
        try
        {
            await foreach (Readiness now in shim.WatchReadinessAsync(ct))
            {
                if (told == (now.Ready, now.Text, now.ClusterVersion))
                    continue; // figures alone have changed
                told = (now.Ready, now.Text, now.ClusterVersion);
                readiness?.Invoke(now);
                if (now.Ready)
                    log.ClusterReady(now.ClusterVersion);
                else
                    log.ClusterNotReady(now.Text);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }
}
