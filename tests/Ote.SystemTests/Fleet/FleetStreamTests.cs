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
    public async Task When_a_controller_on_the_way_is_killed_all_that_went_through_it_ends_the_fleet_shows_on_and_both_work_again_when_it_is_back()
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
        await tree.Kubectl().UntilAsync(away => away.Contains("stale-since", StringComparison.Ordinal), s_soon, Ct, "get", "pod", $"{shop.Pod}-a", "-n", shop.Namespace, "-o", "jsonpath={.metadata.annotations}");
        CommandResult refused = await through.RunAsync("get", "pods", "-n", shop.Namespace);
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("cluster a is away", refused.Error, StringComparison.Ordinal);

        await tree.A.Kubectl.ExpectAsync("run", "meanwhile", "-n", shop.Namespace, $"--image={LocalImage.Name}", "--image-pull-policy=Never", "--command", "--", "sleep", "600");
        await tree.North.StartAsync();
        await watch.WaitForLineAsync("pod/meanwhile-a", s_long, Ct); // the watch at the fleet went on, and what it missed was told
        await through.UntilAsync(pods => pods.Contains("meanwhile", StringComparison.Ordinal), s_soon, Ct, "get", "pods", "-n", shop.Namespace, "-o", "name");
        await tree.Kubectl().UntilAsync(
            annotations => !annotations.Contains("stale-since", StringComparison.Ordinal), s_soon, Ct, "get", "pod", $"{shop.Pod}-a", "-n", shop.Namespace, "-o", "jsonpath={.metadata.annotations}");
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
