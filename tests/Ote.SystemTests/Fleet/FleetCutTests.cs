using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Fleet;

/// <summary>
/// The controller of a site, two links below, is killed in the middle of what goes through it: whoever reads or writes is told in bounded time and with another exit code than 0, never takes a part for the whole, and has all of it
/// when it tries again.
/// </summary>
[Collection(nameof(Fleet))]
public sealed partial class FleetCutTests(RealClusters clusters, Fleet fleet) : IDisposable
{
    private const int Part = 1024 * 1024;
    private const string Fill = "dd if=/dev/urandom of=/www/big bs=1M count=200 2>/dev/null; sha256sum /www/big";
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(3);
    private readonly Scratch _scratch = new("cuts");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_long_list_that_is_cut_ends_in_an_error_and_is_whole_the_next_time()
    {
        await using Cut cut = await Cut.BeginAsync(fleet, clusters);
        const int Maps = 100, Bytes = 500_000; // more than the buffers of all connections on the way may hold
        string text = new('x', Bytes), file = _scratch["maps.json"];
        await File.WriteAllTextAsync(file, string.Join('\n', Enumerable.Range(0, Maps).Select(i => new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = $"m{i:00}", ["namespace"] = cut.Shop.Namespace }, ["data"] = new JsonObject { ["v"] = text },
        }.ToJsonString())), Ct);
        await cut.Tree.A.Kubectl.ExpectAsync("create", "-f", file);
        string list = $"/clusters/a/api/v1/namespaces/{cut.Shop.Namespace}/configmaps";

        await using Piped reader = await Piped.StartAsync(_scratch, cut.Tree.Kubectl(), "get", "--raw", list);
        await reader.TakeAsync(Part, Ct); // a reader that is slow: the rest waits on the way
        await cut.Tree.ControllerOfA.KillAsync();
        Assert.True(Part + await reader.RestAsync(s_soon, Ct) < (long)Maps * Bytes, "the list was whole");
        await reader.FailedAsync(s_soon);

        await cut.MendAsync();
        CommandResult again = await cut.Tree.Kubectl().RunAsync(["get", "--raw", list], null, s_long, Ct);
        Assert.Equal(0, again.ExitCode);
        Assert.True(JsonNode.Parse(again.Out)!["items"]!.AsArray().Count >= Maps);
        Assert.Equal($"{Maps}", (await cut.Tree.Kubectl(cluster: "a").ExpectAsync("get", "configmaps", "-n", cut.Shop.Namespace, "--chunk-size=7", "-o", "name")).Split('\n').Count(n => n.StartsWith("configmap/m", StringComparison.Ordinal)).ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task Logs_that_are_read_slowly_and_cut_end_in_an_error_and_a_watch_of_one_cluster_says_why()
    {
        await using Cut cut = await Cut.BeginAsync(fleet, clusters);
        string ns = cut.Shop.Namespace;
        await cut.Tree.A.Kubectl.ExpectAsync("run", "talker", "-n", ns, $"--image={LocalImage.Name}", "--image-pull-policy=Never", "--command", "--", "sh", "-c", "while true; do head -c 65536 /dev/zero | tr '\\0' x; echo; sleep 0.1; done");
        await cut.Tree.A.Kubectl.ExpectAsync("wait", "--for=condition=ready", "pod/talker", "-n", ns, "--timeout=50s");
        await cut.ShownAsync("talker");

        await using Piped logs = await Piped.StartAsync(_scratch, cut.Tree.Kubectl(), "logs", "-f", "-n", ns, "talker-a");
        await logs.TakeAsync(Part, Ct);
        await using Piped watch = await Piped.StartAsync(_scratch, cut.Tree.Kubectl(), "get", "--raw", $"/clusters/a/api/v1/namespaces/{ns}/configmaps?watch=true");
        await watch.TakeAsync(100, Ct);
        await cut.Tree.ControllerOfA.KillAsync();
        await logs.RestAsync(s_soon, Ct);
        await logs.FailedAsync(s_soon);
        string told = await watch.TextAsync(s_soon, Ct);
        Assert.Contains("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\"", told, StringComparison.Ordinal);
        Assert.Contains("the way to cluster a broke", told, StringComparison.Ordinal);

        await cut.MendAsync();
        await cut.Tree.Kubectl().ExpectAsync("logs", "--tail=1", "-n", ns, "talker-a");
    }

    [Fact]
    public async Task A_copy_from_a_pod_that_is_cut_ends_in_an_error_and_works_again()
    {
        await using Cut cut = await Cut.BeginAsync(fleet, clusters);
        string ns = cut.Shop.Namespace, pod = cut.Shop.Pod, file = _scratch["from"];
        string sum = (await cut.InPodAsync(Fill)).Split(' ')[0];
        await using GuardedProcess copy = await StartAsync(cut.Tree.Kubectl(), "cp", "-n", ns, $"{pod}-a:/www/big", file);
        await UntilAsync(() => File.Exists(file) && new FileInfo(file).Length > Part, copy);
        await cut.Tree.ControllerOfA.KillAsync();
        await FailedAsync(copy);

        await cut.MendAsync();
        await CopiedAsync(cut.Tree.Kubectl(), "cp", "-n", ns, $"{pod}-a:/www/big", file);
        Assert.Equal(sum, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(file, Ct))));
    }

    [Fact]
    public async Task A_copy_into_a_pod_that_is_cut_ends_in_an_error_and_works_again()
    {
        await using Cut cut = await Cut.BeginAsync(fleet, clusters);
        string ns = cut.Shop.Namespace, pod = cut.Shop.Pod, file = _scratch["into"];
        await SizeAsync(4096); // more than goes through before the cut, however fast
        await using GuardedProcess copy = await StartAsync(cut.Tree.Kubectl(), "cp", "-n", ns, file, $"{pod}-a:/www/into");
        await cut.InPodAsync($"until [ $(stat -c %s /www/into 2>/dev/null || echo 0) -gt {Part} ]; do sleep 0.05; done");
        await cut.Tree.ControllerOfA.KillAsync();
        await FailedAsync(copy);

        await cut.MendAsync();
        await SizeAsync(400);
        (await cut.Tree.Kubectl().RunAsync(["cp", "-n", ns, file, $"{pod}-a:/www/into"], null, s_long, Ct)).Succeeded();
        Assert.Equal($"{400L * Part}", await cut.InPodAsync("stat -c %s /www/into"));

        async Task SizeAsync(int parts)
        {
            await using FileStream large = File.Create(file);
            large.SetLength((long)parts * Part);
        }
    }

    [Fact]
    public async Task A_forwarded_port_that_is_cut_ends_what_goes_through_it_and_says_so_and_works_again()
    {
        await using Cut cut = await Cut.BeginAsync(fleet, clusters);
        await cut.InPodAsync(Fill);
        string[] forward = ["port-forward", "-n", cut.Shop.Namespace, $"pod/{cut.Shop.Pod}-a", ":8080"];
        await using GuardedProcess forwarding = await StartAsync(cut.Tree.Kubectl(), forward);
        using HttpClient http = new() { Timeout = s_long };
        await using Stream served = await http.GetStreamAsync(await AddressAsync(forwarding), Ct);
        byte[] part = new byte[Part];
        await served.ReadExactlyAsync(part, Ct);
        await cut.Tree.ControllerOfA.KillAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => served.CopyToAsync(Stream.Null, Ct).WaitAsync(s_soon, Ct));
        await FailedAsync(forwarding);

        await cut.MendAsync();
        await using GuardedProcess again = await StartAsync(cut.Tree.Kubectl(), forward);
        using HttpResponseMessage whole = await http.GetAsync(await AddressAsync(again), Ct);
        Assert.Equal(200L * Part, (await whole.Content.ReadAsByteArrayAsync(Ct)).Length);
    }

    [Fact]
    public async Task A_site_that_freezes_is_not_waited_for_and_what_became_of_a_write_is_not_guessed()
    {
        await using Cut cut = await Cut.BeginAsync(fleet, clusters);
        string maps = $"/clusters/a/api/v1/namespaces/{cut.Shop.Namespace}/configmaps", file = _scratch["frozen.json"];
        await File.WriteAllTextAsync(file, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"frozen"}}""", Ct);
        await using Piped watch = await Piped.StartAsync(_scratch, cut.Tree.Kubectl(), "get", "--raw", maps + "?watch=true");
        await watch.TakeAsync(100, Ct);
        await cut.Tree.Kubectl().ExpectAsync("get", "--raw", maps); // a stream stands, over which what follows is sent

        cut.Tree.ControllerOfA.Pause();
        try
        {
            CommandResult written = await cut.Tree.Kubectl().RunAsync(["create", "--raw", maps, "-f", file], null, s_soon, Ct);
            Assert.NotEqual(0, written.ExitCode);
            Assert.Contains("a went away before it answered a POST: whether it was done, or will be when the cluster is back, is not known", written.Error, StringComparison.Ordinal);
            CommandResult read = await cut.Tree.Kubectl().RunAsync(["get", "--raw", maps], null, s_soon, Ct);
            Assert.Contains("cluster a is away", read.Error, StringComparison.Ordinal);
            Assert.Contains("the way to cluster a broke", await watch.TextAsync(s_soon, Ct), StringComparison.Ordinal);
        }
        finally
        {
            cut.Tree.ControllerOfA.Resume();
        }

        await cut.Tree.Kubectl(cluster: "a").UntilAsync(name => name == "namespace/default", s_soon, Ct, "get", "namespace", "default", "-o", "name");
    }

    /// <summary>
    /// Until it is whole. A cluster can lose the end of a large copy out of a pod by itself: where kubectl's ping lies unread in a connection that containerd closes after the command has ended, that is reset, and the kubelet has not read all of it
    /// (kubernetes/kubernetes#60140). That, too, is told as a failure and never taken for the whole.
    /// </summary>
    private static async Task CopiedAsync(Kubectl kubectl, params string[] copy)
    {
        const int Most = 5;
        for (int tries = 1; ; tries++)
        {
            CommandResult copied = await kubectl.RunAsync(copy, null, s_long, Ct);
            if (copied.ExitCode == 0)
                return;
            Assert.True(tries < Most && copied.Error.Contains("the way to cluster a broke in the middle", StringComparison.Ordinal), $"{copied.Command} ended with {copied.ExitCode}, try {tries}: {copied.Error}");
        }
    }

    private static async Task<Uri> AddressAsync(GuardedProcess forwarding) =>
        new($"http://127.0.0.1:{Port().Match(await forwarding.WaitForLineAsync("Forwarding from 127.0.0.1", s_soon, Ct)).Groups[1].Value}/big");

    private static async Task FailedAsync(GuardedProcess kubectl)
    {
        int code = await kubectl.Exited.WaitAsync(s_soon, Ct);
        Assert.True(code == 1, kubectl.Failure($"ended with {code}").Message);
        Assert.Matches("(?i)error|unexpected|lost|closed|reset", await File.ReadAllTextAsync(kubectl.LogFile, Ct));
    }

    private static async Task UntilAsync(Func<bool> condition, GuardedProcess process)
    {
        using PeriodicTimer looking = new(TimeSpan.FromMilliseconds(20));
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(s_soon);
        while (!condition())
        {
            Assert.False(process.Exited.IsCompleted, "it has ended before it was cut");
            await looking.WaitForNextTickAsync(late.Token);
        }
    }

    private Task<GuardedProcess> StartAsync(Kubectl kubectl, params string[] arguments) => GuardedProcess.StartAsync(
        new($"kubectl {arguments[0]}", kubectl.Binary, arguments, _scratch[$"{arguments[0]}-{Guid.NewGuid():N}.log"]) { Environment = Piped.EnvironmentOf(kubectl) });

    [GeneratedRegex(@"127\.0\.0\.1:(\d+)")]
    private static partial Regex Port();

    /// <summary>A shop at A, two levels down, and the controller between killed and started again.</summary>
    private sealed class Cut(FleetTree tree, Shop shop) : IAsyncDisposable
    {
        private bool _mended;

        public FleetTree Tree => tree;

        public Shop Shop => shop;

        public static async Task<Cut> BeginAsync(Fleet fleet, RealClusters clusters)
        {
            FleetTree tree = await fleet.TreeAsync(clusters);
            await tree.Kubectl().UntilAsync(parent => parent == "north", s_long, Ct, "get", "cs", "a", "-o", "jsonpath={.status.parentName}");
            Cut cut = new(tree, await Shop.OpenAsync(tree.A, Ct));
            await cut.ShownAsync(cut.Shop.Pod);
            return cut;
        }

        public async Task ShownAsync(string pod) =>
            await tree.Kubectl().UntilAsync(phase => phase == "Running", s_soon, Ct, "get", "pod", $"{pod}-a", "-n", shop.Namespace, "-o", "jsonpath={.status.phase}");

        public async Task<string> InPodAsync(string script) =>
            (await tree.A.Kubectl.RunAsync(["exec", "-n", shop.Namespace, shop.Pod, "--", "sh", "-c", script], null, s_long, Ct)).Succeeded().Out.Trim();

        /// <summary>The controller runs again, and A is reached.</summary>
        public async Task MendAsync()
        {
            _mended = true;
            await tree.ControllerOfA.StartAsync();
            await tree.ControllerOfA.WaitForLineAsync("Attached to parent", s_soon, Ct);
            await tree.Kubectl(cluster: "a").UntilAsync(name => name == "namespace/default", s_soon, Ct, "get", "namespace", "default", "-o", "name");
        }

        public async ValueTask DisposeAsync()
        {
            if (!_mended && tree.ControllerOfA.Exited.IsCompleted)
                await MendAsync();
            await shop.DisposeAsync();
        }
    }
}
