namespace Ote.SystemTests.Kubernetes;

public sealed class RealNodeTests
{
    [Fact]
    public async Task RealNode_ofADisposedControlPlane_leavesNoProcessCgroupCableOrFolder()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        await using RealControlPlane plane = await RealControlPlane.StartAsync(new("gone") { Scheduler = true }, tools, TimeProvider.System, ct);
        string folder, cgroup, cable;
        await using (RealNode node = await RealNode.StartAsync(plane, new("gone-node"), ct))
        {
            (folder, cgroup, cable) = (node.Folder, node.Cgroup, node.Interface);
            Kubectl kubectl = plane.Kubectl(tools.OldKubectl);
            await kubectl.ExpectAsync("create", "deployment", "still-running", $"--image={LocalImage.Name}");
            await kubectl.UntilAsync(ready => ready == "1", TimeSpan.FromSeconds(90), ct, "get", "deployment", "still-running", "-o", "jsonpath={.status.readyReplicas}");
        }
        Assert.False(Directory.Exists(folder));
        Assert.False(Directory.Exists($"/sys/class/net/{cable}"));
        Assert.Empty(Directory.EnumerateDirectories("/sys/fs/cgroup", cgroup, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }));
        Assert.DoesNotContain(Directory.EnumerateDirectories("/proc").Select(CommandOf), command => command.Contains(folder, StringComparison.Ordinal));
    }

    private static string CommandOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline"));
        }
        catch (IOException)
        {
            return "";
        }
    }
}
