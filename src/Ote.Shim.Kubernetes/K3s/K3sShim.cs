using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Shim.Kubernetes.K3s;

/// <summary>
/// k3s is a Kubernetes whose API server k3s itself runs, so its shim is <see cref="KubernetesShim"/> with defaults for a small machine
/// and for where k3s keeps things.
/// </summary>
public static class K3sShim
{
    /// <summary>What <see cref="Contract.ShimDescription.Kind"/> says.</summary>
    public const string Kind = "k3s";

    /// <summary>The kubeconfig that a k3s server writes; it names <c>https://127.0.0.1:6443</c>. Readable by root unless k3s was told otherwise.</summary>
    public const string KubeconfigPath = "/etc/rancher/k3s/k3s.yaml";

    /// <summary>Fewer requests at once and smaller answers: 4 and 128 waiting; 128 KiB, at most 1 MiB.</summary>
    public static KubernetesShimOptions Options { get; } = new()
    {
        Kind = Kind,
        DefaultResponseBytes = 128 * 1024,
        MaxResponseBytes = 1024 * 1024,
        MaxBodyBytes = 1024 * 1024,
        MaxParallel = 4,
        MaxQueued = 128,
        ProbeInterval = TimeSpan.FromSeconds(15),
    };
}
