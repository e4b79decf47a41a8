using System.Text.Json.Nodes;
using Ote.Ctl;
using Ote.Ctl.Setup;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Tests.Ctl.Setup;

public sealed class SetupCommandTests
{
    private static readonly JsonObject Config = Yaml.ReadObject(
        """
        current-context: a
        clusters:
        - {name: a, cluster: {server: "https://a", certificate-authority: ca.pem}}
        - {name: b, cluster: {server: "https://b"}}
        users:
        - {name: ua, user: {token: secret, client-key-data: c2VjcmV0}}
        - {name: ub, user: {tokenFile: token.txt}}
        contexts:
        - {name: a, context: {cluster: a, user: ua}}
        - {name: b, context: {cluster: b, user: ub}}
        - {name: lost, context: {cluster: nowhere}}
        """);

    [Fact]
    public async Task Install_applies_definitions_and_namespace_and_waits_until_they_are_served()
    {
        await using var world = await CtlWorld.StartAsync(installed: false);
        var result = await world.RunAsync("install");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("namespace/ote-system applied\n", result.Out, StringComparison.Ordinal);
        Assert.NotNull(await world.Api.GetAsync(Kinds.Namespaces, null, "ote-system", CtlWorld.Stop));
        foreach (var crd in Crds.Load())
        {
            Assert.True((await world.Api.GetAsync(Kinds.CustomResourceDefinitions, null, crd.Name(), CtlWorld.Stop))!.IsTrue("Established"));
        }

        Assert.Equal(0, (await world.RunAsync("install")).Code);
    }

    [Fact]
    public async Task Install_dry_run_prints_what_it_would_apply_and_asks_no_server()
    {
        await using var world = await CtlWorld.StartAsync(installed: false);
        world.Between = _ => throw new InvalidOperationException("a dry run must not connect");
        var documents = Yaml.Read((await world.RunAsync("install", "--dry-run", "-o", "yaml")).Out);
        Assert.Equal(Crds.Load().Count + 1, documents.Count);
        Assert.Contains("namespace/ote-system would be applied\n", (await world.RunAsync("install", "--dry-run")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Install_of_the_fleet_at_a_given_address_prints_rights_and_way_and_asks_no_server()
    {
        await using var world = await CtlWorld.StartAsync(installed: false);
        world.Between = _ => throw new InvalidOperationException("a dry run must not connect");
        var authority = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(authority, "pem", CtlWorld.Stop);
            var result = await world.RunAsync("install", "--fleet", "--fleet-address", "203.0.113.7:8443", "--fleet-ca", authority, "--root-user", "me", "--dry-run", "-o", "yaml");
            var documents = Yaml.Read(result.Out).Cast<JsonObject>().ToArray();
            Assert.Equal("cGVt", documents.Single(d => d.Text("kind") == "APIService").Text("spec", "caBundle"));
            var bindings = documents.Where(d => d.Text("kind")!.EndsWith("Binding", StringComparison.Ordinal)).ToArray();
            Assert.Equal(3, bindings.Length);
            Assert.All(bindings, b => Assert.Equal(["ServiceAccount ote-fleet", "User me"], b.Items("subjects")!.Select(s => $"{s.Text("kind")} {s.Text("name")}")));
            // Rights are on names, but for what is to be made and for questions.
            var open = documents.Where(d => d.Text("kind") is "Role" or "ClusterRole" && d.Name() == "ote-fleet").SelectMany(d => d.Items("rules")!).Where(r => r.Items("resourceNames") is null);
            Assert.All(open, r => Assert.Equal("""["create"]""", r!["verbs"]!.ToJsonString()));
        }
        finally
        {
            File.Delete(authority);
        }
    }

    [Theory]
    [InlineData("--root-user: it is about the fleet", "--root-user", "me")]
    [InlineData("give both, or neither", "--fleet", "--fleet-address", "a:1")]
    [InlineData("is not host:port", "--fleet", "--fleet-address", "nowhere", "--fleet-ca", "/dev/null")]
    [InlineData("--fleet-ca: Could not find a part of the path", "--fleet", "--fleet-address", "a:1", "--fleet-ca", "/nowhere/ca.crt", "--dry-run")]
    public async Task Install_says_what_is_wrong_with_what_it_is_told_of_the_fleet(string fault, params string[] arguments)
    {
        await using var world = await CtlWorld.StartAsync(installed: false);
        world.Between = _ => throw new InvalidOperationException("it must be said before anything is done");
        var result = await world.RunAsync(["install", .. arguments]);
        Assert.Equal((int)ExitCode.Usage, result.Code);
        Assert.Contains(fault, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Install_of_the_fleet_says_that_no_root_serves_it()
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync("install", "--fleet", "--dry-run");
        Assert.Equal((int)ExitCode.Failed, result.Code);
        Assert.Contains("no root says where it serves the fleet (ConfigMap ote-system/ote-fleet): start it with --kubeconfig and --serve", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Uninstall_takes_out_what_shows_the_fleet_and_leaves_the_tree()
    {
        await using var world = await CtlWorld.StartAsync();
        await world.Api.CreateAsync(Kinds.ConfigMaps, "ote-system", Yaml.ReadObject("{apiVersion: v1, kind: ConfigMap, metadata: {name: ote-fleet}}"), CtlWorld.Stop);
        Assert.Equal("configmap/ote-fleet would be deleted\n", (await world.RunAsync("uninstall", "--dry-run")).Out);
        Assert.Equal("configmap/ote-fleet deleted\n", (await world.RunAsync("uninstall")).Out);
        Assert.Equal((0, ""), (await world.RunAsync("uninstall")) is var again ? (again.Code, again.Out) : default);
        Assert.NotNull(await world.Api.GetAsync(Kinds.CustomResourceDefinitions, null, "clusters.ote.baidu.com", CtlWorld.Stop));
        Assert.Contains("customresourcedefinition.apiextensions.k8s.io/clusters.ote.baidu.com would be deleted\n", (await world.RunAsync("uninstall", "--tree", "--dry-run")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_tells_client_and_server()
    {
        await using var world = await CtlWorld.StartAsync();
        var text = (await world.RunAsync("version")).Out;
        Assert.Matches("^Client: [0-9]+\\.[0-9]+\\.[0-9]+.*\nServer: v[0-9.]+.* \\(https://control.test/\\)\n$", text);
        Assert.NotNull(JsonNode.Parse((await world.RunAsync("version", "-o", "json")).Out).Text("serverVersion", "gitVersion"));
    }

    [Fact]
    public void Slice_holds_one_context_with_its_files_in_it()
    {
        var slice = KubeconfigSlice.Of(Config, "b", file => System.Text.Encoding.UTF8.GetBytes(file + "\n"));
        Assert.Equal("b", slice.Text("current-context"));
        Assert.Equal("token.txt", slice.Items("users")![0].Text("user", "token"));
        Assert.Single(slice.Items("clusters")!);
        var first = KubeconfigSlice.Of(Config, null, _ => [1, 2, 3]);
        Assert.Equal("AQID", first.Items("clusters")![0].Text("cluster", "certificate-authority-data"));
        Assert.Contains("'nowhere' under clusters", Assert.Throws<FormatException>(() => KubeconfigSlice.Of(Config, "lost", _ => [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Redacted_slice_holds_no_secret()
    {
        var shown = KubeconfigSlice.Redact(KubeconfigSlice.Of(Config, "a", _ => [])).ToJsonString();
        Assert.DoesNotContain("secret", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void Merge_replaces_entries_of_the_same_name_and_keeps_the_rest()
    {
        var target = Yaml.ReadObject("{current-context: x, contexts: [{name: x, context: {}}, {name: a, context: {cluster: old}}], extra: 1}");
        var merged = KubeconfigSlice.Merge(target, KubeconfigSlice.Of(Config, "a", _ => []));
        Assert.Equal(["x", "a"], merged.Items("contexts")!.Select(c => c.Text("name")));
        Assert.Equal("a", merged.Items("contexts")![1].Text("context", "cluster"));
        Assert.Equal("x", merged.Text("current-context"));
        Assert.Equal(1, merged.Whole("extra"));
    }

    [Fact]
    public async Task Kubeconfig_is_printed_without_secrets_and_merged_into_a_private_file()
    {
        await using var world = await CtlWorld.StartAsync();
        var folder = Directory.CreateTempSubdirectory("otectl-");
        try
        {
            var file = Path.Combine(folder.FullName, "config");
            var target = Path.Combine(folder.FullName, "merged");
            await File.WriteAllTextAsync(file, Yaml.Write(Config), CtlWorld.Stop);
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "ca.pem"), "pem", CtlWorld.Stop);
            Assert.DoesNotContain("secret", (await world.RunAsync("kubeconfig", "--kubeconfig", file)).Out, StringComparison.Ordinal);
            Assert.Contains("token: secret\n", (await world.RunAsync("kubeconfig", "--kubeconfig", file, "--raw")).Out, StringComparison.Ordinal);
            Assert.Equal($"context a written to {target}\n", (await world.RunAsync("kubeconfig", "--kubeconfig", file, "--merge", target)).Out);
            Assert.Equal("secret", Yaml.ReadObject(await File.ReadAllTextAsync(target, CtlWorld.Stop)).Items("users")![0].Text("user", "token"));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(target));
            Assert.Equal((int)ExitCode.Unreachable, (await world.RunAsync("kubeconfig", "--kubeconfig", file, "--context", "none")).Code);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
