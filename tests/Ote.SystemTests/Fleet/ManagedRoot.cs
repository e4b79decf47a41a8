using Ote.SystemTests.Kubernetes;
using Ote.SystemTests.Tree;

namespace Ote.SystemTests.Fleet;

/// <summary>The same, where two controller managers beside the root divide the clusters among them: the first has c1, the second c2.</summary>
public sealed class ManagedRoot : RealRoot
{
    private readonly List<ProductProcess> _managers = [];

    /// <summary>The controller managers.</summary>
    internal IReadOnlyList<ProductProcess> Managers => _managers;

    private protected override string[] Serving(int port, string audit) => ["--follow-listen", $"127.0.0.1:{port}"];

    private protected override async Task BesideAsync(RoleProcesses roles, string kubeconfig)
    {
        int[] ports = FreePorts.Take(2);
        foreach (int i in (int[])[0, 1])
        {
            // By their names, which a unit test of who holds what knows too.
            Directory.CreateDirectory(roles[$"manager-{i}"]);
            await File.WriteAllTextAsync(Path.Combine(roles[$"manager-{i}"], "member"), $"{2 - i:x32}");
            _managers.Add(await roles.StartAsync(
                $"manager-{i}", i == 0 ? "leading " : "waiting ", "controller-manager", "--data", roles[$"manager-{i}"], "--kubeconfig", kubeconfig, "--serve", $"127.0.0.1:{ports[i]}", "--serve-advertise", $"localhost:{ports[i]}"));
        }
    }
}
