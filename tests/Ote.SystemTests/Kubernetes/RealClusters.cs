using Ote.SystemTests.Kubernetes;

[assembly: AssemblyFixture(typeof(RealClusters))]

namespace Ote.SystemTests.Kubernetes;

/// <summary>A real cluster of the test run: one of ours, or one that was given.</summary>
/// <param name="Name">root, a or b.</param>
/// <param name="Kubeconfig">A file; its current context administers the cluster.</param>
/// <param name="Kubectl">A current kubectl for it.</param>
/// <param name="OldKubectl">kubectl v1.20.2 for it.</param>
/// <param name="Own">Null when the cluster was given by an environment variable.</param>
public sealed record RealCluster(string Name, string Kubeconfig, Kubectl Kubectl, Kubectl OldKubectl, RealControlPlane? Own);

/// <summary>
/// The real clusters all system tests share, each started when it is first asked for: the root's (no node), A (with a real node) and B
/// (no node). OTE_TEST_KUBECONFIG_ROOT, _A and _B name kubeconfig files of clusters to use in their place; A's then needs an image
/// <see cref="LocalImage.Name"/> on its nodes. A cluster that cannot be had fails the tests that ask for it: nothing is skipped.
/// </summary>
/// <remarks>Tests take names of their own (<see cref="FreshName"/>), since they share the clusters and run side by side.</remarks>
public sealed class RealClusters : IAsyncDisposable
{
    private readonly Scratch _homes;
    private readonly Lazy<Task<KubernetesTools>> _tools;
    private readonly Lazy<Task<Started>> _root;
    private readonly Lazy<Task<Started>> _a;
    private readonly Lazy<Task<Started>> _b;

    public RealClusters()
    {
        Scratch.Sweep();
        _homes = new Scratch("homes");
        _tools = new(() => KubernetesTools.FindAsync(CancellationToken.None));
        _root = new(() => StartAsync("root", withNode: false));
        _a = new(() => StartAsync("a", withNode: true));
        _b = new(() => StartAsync("b", withNode: false));
    }

    public Task<KubernetesTools> ToolsAsync() => _tools.Value;

    public async Task<RealCluster> RootAsync() => (await _root.Value).Cluster;

    /// <summary>The cluster whose pods run: the node has <see cref="LocalImage.Name"/>.</summary>
    public async Task<RealCluster> AAsync() => (await _a.Value).Cluster;

    public async Task<RealCluster> BAsync() => (await _b.Value).Cluster;

    /// <summary>A name that no other test has used, fit for any Kubernetes object.</summary>
    public static string FreshName(string prefix) => $"{prefix}-{Guid.NewGuid().ToString("N")[..8]}";

    public async ValueTask DisposeAsync()
    {
        foreach (Lazy<Task<Started>> cluster in (Lazy<Task<Started>>[])[_root, _a, _b])
        {
            // One that failed to start has cleaned up after itself and has failed the tests that wanted it.
            if (!cluster.IsValueCreated || await Task.WhenAny(cluster.Value) is { IsCompletedSuccessfully: false })
                continue;
            Started started = await cluster.Value;
            if (started.Node is not null)
                await started.Node.DisposeAsync();
            if (started.Cluster.Own is not null)
                await started.Cluster.Own.DisposeAsync();
        }
        _homes.Dispose();
    }

    private async Task<Started> StartAsync(string name, bool withNode)
    {
        KubernetesTools tools = await _tools.Value;
        string variable = $"OTE_TEST_KUBECONFIG_{name.ToUpperInvariant()}";
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given)
        {
            if (!File.Exists(given))
                throw new InvalidOperationException($"{variable} names {given}, which does not exist; correct it, or unset it to have a cluster started");
            return new Started(Describe(name, given, tools, own: null), Node: null);
        }
        RealControlPlane plane = await RealControlPlane.StartAsync(new(name) { Scheduler = withNode }, tools, TimeProvider.System, CancellationToken.None);
        try
        {
            RealNode? node = withNode ? await RealNode.StartAsync(plane, new($"{name}-node"), CancellationToken.None) : null;
            return new Started(Describe(name, plane.Kubeconfig, tools, plane), node);
        }
        catch
        {
            await plane.DisposeAsync();
            throw;
        }
    }

    private RealCluster Describe(string name, string kubeconfig, KubernetesTools tools, RealControlPlane? own) => new(
        name, kubeconfig,
        new Kubectl(tools.NewKubectl, kubeconfig, Directory.CreateDirectory(_homes[$"{name}-new"]).FullName),
        new Kubectl(tools.OldKubectl, kubeconfig, Directory.CreateDirectory(_homes[$"{name}-old"]).FullName),
        own);

    private sealed record Started(RealCluster Cluster, RealNode? Node);
}
