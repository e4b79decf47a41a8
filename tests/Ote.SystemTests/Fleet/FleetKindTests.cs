using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Fleet;

/// <summary>Kinds that site A reports because it is told to: a custom one, which comes and goes, and ReplicaSets.</summary>
[Collection(nameof(Fleet))]
public sealed class FleetKindTests(RealClusters clusters, Fleet fleet)
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_custom_kind_is_found_read_watched_and_written_at_the_root_while_a_site_has_it(bool old)
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        Kubectl root = tree.Kubectl(old), site = tree.A.Kubectl;
        string ns = RealClusters.FreshName("widgets");
        await site.ExpectAsync("create", "namespace", ns);
        await site.ApplyAsync(WidgetKind.Definition);
        await site.ExpectAsync("wait", "--for=condition=established", $"crd/{WidgetKind.Name}", "--timeout=30s");
        await site.ApplyAsync(WidgetKind.Object("left", "red", ns) + "---\n" + WidgetKind.Object("right", "green", ns));
        await root.UntilAsync(kinds => kinds.Contains("fleet-test.example.com", StringComparison.Ordinal), TimeSpan.FromSeconds(120), Ct, "api-resources");
        Assert.Matches("(?m)^widgets +wdg +(fleet-test.example.com|fleet-test.example.com/v1) +true +Widget *$", await root.ExpectAsync("api-resources", "--api-group=fleet-test.example.com"));
        await root.UntilAsync(names => names.Split('\n').Length == 2, s_soon, Ct, "get", "wdg", "-n", ns, "-o", "name");

        string[] table = (await root.ExpectAsync("get", "widgets", "-A", "-o", "wide")).Split('\n');
        Assert.Matches("^NAMESPACE +NAME +COLOR +AGE +CLUSTER$", table[0].TrimEnd());
        Assert.Matches($"^{ns} +left-a +red +[0-9a-z]+ +a$", table[1].TrimEnd());
        Assert.Matches($"^{ns} +right-a +green +[0-9a-z]+ +a$", table[2].TrimEnd());
        Assert.Equal("widget.fleet-test.example.com/right-a", await root.ExpectAsync("get", "widgets", "-n", ns, "-l", "color=green,ote-cluster=a", "-o", "name", "--chunk-size=1"));
        Assert.Equal("widget.fleet-test.example.com/left-a", await root.ExpectAsync("get", "widgets", "-A", "--field-selector", "metadata.name=left-a", "-o", "name"));
        string yaml = await root.ExpectAsync("get", "widget", "left-a", "-n", ns, "-o", "yaml");
        Assert.Contains("apiVersion: fleet-test.example.com/v1\nkind: Widget\n", yaml, StringComparison.Ordinal);
        Assert.Contains("color: red", yaml, StringComparison.Ordinal);
        Assert.Contains("Color:  red", await root.ExpectAsync("describe", "widget", "left-a", "-n", ns), StringComparison.Ordinal);

        Task<CommandResult> watching = tree.Kubectl(old).RunAsync(["get", "widgets", "-n", ns, "-w", "--output-watch-events", "--request-timeout=20s"], null, s_soon, Ct);
        await site.ApplyAsync(WidgetKind.Object("new", "blue", ns));
        await root.UntilAsync(found => found.Length > 0, s_soon, Ct, "get", "widget", "new-a", "-n", ns, "--ignore-not-found", "-o", "name");
        await root.ExpectAsync("patch", "widget", "new-a", "-n", ns, "--type=merge", "-p", """{"spec":{"color":"black"}}"""); // goes to A
        Assert.Equal("black", await site.ExpectAsync("get", "widget", "new", "-n", ns, "-o", "jsonpath={.spec.color}"));
        Assert.Equal("black", await root.ExpectAsync("get", "widget", "new-a", "-n", ns, "-o", "jsonpath={.spec.color}"));
        await site.ExpectAsync("delete", "widget", "new", "-n", ns);
        await root.UntilAsync(found => found.Length == 0, s_soon, Ct, "get", "widget", "new-a", "-n", ns, "--ignore-not-found", "-o", "name");
        await root.ExpectAsync("delete", "widget", "right-a", "-n", ns);
        Assert.Equal("", await site.ExpectAsync("get", "widget", "right", "-n", ns, "--ignore-not-found"));
        Assert.Contains("otectl apply", (await root.RunAsync(["create", "-f", "-"], WidgetKind.Object("extra", "red", ns), s_soon, Ct)).Error, StringComparison.Ordinal);
        string told = (await watching).Out;
        Assert.Matches("(?m)^ADDED +new-a +blue ", told);
        Assert.Matches("(?m)^MODIFIED +new-a +black ", told);
        Assert.Matches("(?m)^DELETED +new-a +black ", told);

        await site.ExpectAsync("delete", "crd", WidgetKind.Name);
        await root.UntilAsync(kinds => !kinds.Contains("fleet-test.example.com", StringComparison.Ordinal), TimeSpan.FromSeconds(120), Ct, "api-resources");
        Assert.Equal(1, (await root.RunAsync("get", "widgets", "-A")).ExitCode);
        await site.ExpectAsync("delete", "namespace", ns, "--wait=false");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ReplicaSets_are_the_sites_at_the_root_without_what_pods_hide(bool old)
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        string name = RealClusters.FreshName("sets");
        Kubectl root = tree.Kubectl(old), site = tree.A.Kubectl;
        await site.ExpectAsync("create", "deployment", name, $"--image={LocalImage.Name}", "--replicas=0");
        await site.ExpectAsync("set", "env", $"deployment/{name}", "PASSWORD=open");
        await root.UntilAsync(names => names.Split('\n').Length == 2, s_soon, Ct, "get", "replicasets", "-A", "-l", $"app={name},ote-cluster=a", "-o", "name");
        string[] table = (await root.ExpectAsync("get", "rs", "-A", "-l", $"app={name}", "-o", "wide")).Split('\n');
        Assert.Matches("^NAMESPACE +NAME +DESIRED +CURRENT +READY +AGE +CONTAINERS +IMAGES +SELECTOR +CLUSTER$", table[0].TrimEnd());
        Assert.All(table.Skip(1), row => Assert.Matches($"^default +{name}-[0-9a-z]+-a .* a$", row.TrimEnd()));
        Assert.DoesNotContain("PASSWORD", await root.ExpectAsync("get", "rs", "-n", "default", "-l", $"app={name}", "-o", "yaml"), StringComparison.Ordinal);
        await site.ExpectAsync("delete", "deployment", name);
        await root.UntilAsync(names => names.Length == 0, s_soon, Ct, "get", "rs", "-A", "-l", $"app={name}", "-o", "name");
    }
}
