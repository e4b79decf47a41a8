namespace Ote.Testing.Kubernetes;

/// <summary>The real binaries: found in the cache, or built and fetched into it by the scripts under eng/, which say what they do.</summary>
/// <param name="Folder">kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy and kubectl, all v1.20.2.</param>
/// <param name="OldKubectl">kubectl v1.20.2.</param>
/// <param name="NewKubectl">A current kubectl.</param>
public sealed record KubernetesTools(string Folder, string OldKubectl, string NewKubectl)
{
    /// <summary>Finds the tools; the first time on a machine this takes minutes. Never a skip: a tool that cannot be had is an exception.</summary>
    /// <exception cref="InvalidOperationException">A script failed; what it said is in the message.</exception>
    public static async Task<KubernetesTools> FindAsync(CancellationToken ct)
    {
        await RunAsync("prerequisites.sh", ["tests"], ct);
        string folder = await RunAsync("kubernetes.sh", [], ct);
        return new KubernetesTools(folder, Path.Combine(folder, "kubectl"), await RunAsync("client.sh", ["kubectl"], ct));
    }

    /// <summary>Finds a current helm, as <see cref="FindAsync"/> finds the others.</summary>
    /// <exception cref="InvalidOperationException">The script failed; what it said is in the message.</exception>
    public static Task<string> FindHelmAsync(CancellationToken ct) => RunAsync("client.sh", ["helm"], ct);

    private static async Task<string> RunAsync(string script, string[] arguments, CancellationToken ct)
    {
        string path = Path.Combine(Repository.Root, "eng", script);
        CommandResult result = await CommandLine.RunAsync("bash", [path, .. arguments], environment: null, input: null, TimeSpan.FromMinutes(45), ct);
        return result.Succeeded().Out.Trim();
    }
}
