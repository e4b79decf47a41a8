using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Fleet;

/// <summary>What lasts or is large: copies, forwarded ports and followed logs through the tree, and a controller on the way that is killed under them.</summary>
[Collection(nameof(Fleet))]
public sealed partial class FleetStreamTests(RealClusters clusters, Fleet fleet) : IDisposable
{
    private const int Megabytes = 100;
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new("streams");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Kubectl_cp_and_port_forward_carry_100_MB_byte_for_byte_both_ways()
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        await using Shop shop = await Shop.OpenAsync(tree.A, Ct);
        await ShownAsync(tree, shop);
        string file = _scratch["big"], back = _scratch["back"], ns = shop.Namespace;
        string sum = await FillAsync(file);

        await ExpectAsync(tree.Kubectl(), "cp", "-n", ns, file, $"{shop.Pod}-a:/www/big"); // under its name in the fleet
        Assert.StartsWith(sum, await tree.A.Kubectl.ExpectAsync("exec", "-n", ns, shop.Pod, "--", "sha256sum", "/www/big"), StringComparison.Ordinal);
        await ExpectAsync(tree.Kubectl(old: true, "a"), "cp", "-n", ns, $"{shop.Pod}:/www/big", back); // and by the older one behind /clusters/a
        Assert.Equal(sum, await SumAsync(back));

        await using GuardedProcess forward = await RunAsync(tree.Kubectl(), "port-forward", "-n", ns, $"pod/{shop.Pod}-a", ":8080");
        string line = await forward.WaitForLineAsync("Forwarding from 127.0.0.1", s_soon, Ct);
        using HttpClient http = new() { Timeout = s_long };
        await using Stream served = await http.GetStreamAsync(new Uri($"http://127.0.0.1:{Port().Match(line).Groups[1].Value}/big"), Ct);
        Assert.Equal(sum, Convert.ToHexStringLower(await SHA256.HashDataAsync(served, Ct)));
    }

    [Fact]
    public async Task When_a_controller_on_the_way_is_killed_what_went_through_it_ends_and_its_children_are_reached_another_way()
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        await using Shop shop = await Shop.OpenAsync(tree.A, Ct);
        await ShownAsync(tree, shop);
        Kubectl through = tree.Kubectl(cluster: "a");
        await using GuardedProcess logs = await RunAsync(tree.Kubectl(), "logs", "-f", "-n", shop.Namespace, $"{shop.Pod}-a");
        await logs.WaitForLineAsync("serving", s_soon, Ct);
        await using GuardedProcess exec = await RunAsync(through, "exec", "-n", shop.Namespace, shop.Pod, "--", "sh", "-c", "echo begun; sleep 600");
        await exec.WaitForLineAsync("begun", s_soon, Ct);
        await using GuardedProcess watch = await RunAsync(tree.Kubectl(), "get", "pods", "-n", shop.Namespace, "-w", "-o", "name");
        await watch.WaitForLineAsync($"{shop.Pod}-a", s_soon, Ct);

        await tree.North.KillAsync();
        await logs.Exited.WaitAsync(s_soon, Ct);
        await exec.Exited.WaitAsync(s_soon, Ct);
        await tree.A.Kubectl.ExpectAsync("run", "meanwhile", "-n", shop.Namespace, $"--image={LocalImage.Name}", "--image-pull-policy=Never", "--command", "--", "sleep", "600");
        await watch.WaitForLineAsync("pod/meanwhile-a", s_long, Ct); // the watch at the fleet goes on, and what it missed is told
        await through.UntilAsync(pods => pods.Contains("meanwhile", StringComparison.Ordinal), s_soon, Ct, "get", "pods", "-n", shop.Namespace, "-o", "name");
        await tree.North.StartAsync();
    }

    [Fact]
    public async Task A_cluster_that_is_away_is_shown_marked_and_refused_with_the_reason_until_it_is_back()
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        string name = RealClusters.FreshName("still");
        await tree.B.Kubectl.ExpectAsync("create", "deployment", name, $"--image={LocalImage.Name}", "--replicas=0");
        string[] marks = ["get", "deployment", $"{name}-b", "-o", "jsonpath={.metadata.annotations}"];
        await tree.Kubectl().UntilAsync(annotations => annotations.Length > 0, s_soon, Ct, marks);
        Assert.DoesNotContain("stale-since", await tree.Kubectl().ExpectAsync(marks), StringComparison.Ordinal);

        await tree.ControllerOfB.KillAsync();
        await tree.Kubectl().UntilAsync(annotations => annotations.Contains("stale-since", StringComparison.Ordinal), s_soon, Ct, marks);
        CommandResult refused = await tree.Kubectl(cluster: "b").RunAsync("get", "--raw", "/clusters/b/api"); // kubectl says of discovery that it failed, not why
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("cluster b is away", refused.Error, StringComparison.Ordinal);
        refused = await tree.Kubectl().RunAsync("scale", "deployment", $"{name}-b", "--replicas=1");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("cluster b is away", refused.Error, StringComparison.Ordinal);
        await tree.B.Kubectl.ExpectAsync("delete", "deployment", name);

        await tree.ControllerOfB.StartAsync();
        await tree.Kubectl().UntilAsync(names => names.Length == 0, s_soon, Ct, "get", "deployment", $"{name}-b", "-o", "name", "--ignore-not-found"); // what went meanwhile is told
        await tree.Kubectl(cluster: "b").ExpectAsync("get", "deployments");
    }

    private static async Task ShownAsync(FleetTree tree, Shop shop) =>
        await tree.Kubectl().UntilAsync(phase => phase == "Running", s_soon, Ct, "get", "pod", $"{shop.Pod}-a", "-n", shop.Namespace, "-o", "jsonpath={.status.phase}");

    private static async Task ExpectAsync(Kubectl kubectl, params string[] arguments) => (await kubectl.RunAsync(arguments, null, s_long, Ct)).Succeeded();

    private async Task<GuardedProcess> RunAsync(Kubectl kubectl, params string[] arguments) => await GuardedProcess.StartAsync(
        new($"kubectl {arguments[0]}", kubectl.Binary, arguments, _scratch[arguments[0] + ".log"])
        {
            Environment = new Dictionary<string, string> { ["HOME"] = kubectl.Home, ["KUBECONFIG"] = kubectl.Kubeconfig, ["KUBECACHEDIR"] = Path.Combine(kubectl.Home, "cache") },
        });

    private static async Task<string> FillAsync(string file)
    {
        Random random = new(1);
        byte[] part = new byte[1024 * 1024];
        await using (FileStream stream = File.Create(file))
        {
            for (int i = 0; i < Megabytes; i++)
            {
                random.NextBytes(part);
                await stream.WriteAsync(part, Ct);
            }
        }
        return await SumAsync(file);
    }

    private static async Task<string> SumAsync(string file)
    {
        await using FileStream stream = File.OpenRead(file);
        Assert.Equal(Megabytes * 1024 * 1024L, stream.Length);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, Ct));
    }

    [GeneratedRegex(@"127\.0\.0\.1:(\d+)")]
    private static partial Regex Port();
}
