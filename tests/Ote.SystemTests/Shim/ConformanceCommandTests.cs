using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Shim;

/// <summary><c>ote shim conformance</c>, run against the sample shim and against the Kubernetes shim of a real cluster, each a process.</summary>
public sealed partial class ConformanceCommandTests(RealClusters clusters) : IAsyncDisposable
{
    // As docs/reference/shim-contract.md has them.
    private static readonly string[] s_things =
    [
        "--object-url", "/things/{name}", "--body", "{value}", "--content-type", "text/plain", "--slow-url", "/things/none?wait=30",
        "--action-url", "/things/{name}/append", "--action-body", "more",
    ];

    private static readonly TimeSpan s_soon = TimeSpan.FromMinutes(1);
    private readonly Scratch _scratch = new("shim");
    private readonly List<ProductProcess> _processes = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sample_shim_keeps_the_contract_and_each_check_is_a_line()
    {
        string address = await SampleAsync();

        CommandResult run = await RunAsync(["--shim", address, .. s_things]);

        Assert.True(run.ExitCode == 0, run.Out + run.Error);
        string[] lines = run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(22, lines.Length);
        Assert.Equal($"{address} keeps the contract: 19 passed, 0 failed, 2 skipped", lines[^1]);
        Assert.StartsWith("passed   contract-version  ", lines[0], StringComparison.Ordinal);
        // The toy has no allow-list, and creates by PUT.
        Assert.Equal(["allow-list", "replay-of-a-create"], lines.Where(line => line.StartsWith("skipped", StringComparison.Ordinal)).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));
    }

    [Fact]
    public async Task Shim_that_fails_a_check_gives_exit_code_1_and_the_object_says_which_check()
    {
        string address = await SampleAsync();

        // Seen as a cluster whose objects live elsewhere, the sample answers nothing right.
        CommandResult run = await RunAsync(["--shim", address, "--object-url", "/others/{name}", "--body", "{value}", "--check", "round-trip", "--check", "unsupported-method", "-o", "json"]);

        Assert.Equal(1, run.ExitCode);
        JsonObject report = JsonNode.Parse(run.Out)!.AsObject();
        Assert.Equal(["shim", "conforms", "checks"], report.Select(field => field.Key));
        Assert.Equal((address, false), ((string)report["shim"]!, (bool)report["conforms"]!));
        Assert.Equal(
            ["unsupported-method passed", "round-trip failed"],
            report["checks"]!.AsArray().Select(check => $"{check!["name"]} {check["outcome"]}"));
        Assert.Contains("/others/", (string)report["checks"]![1]!["detail"]!, StringComparison.Ordinal);
        // Progress is for whoever watches, beside the object.
        Assert.Equal(2, run.Error.Split('\n').Count(line => line.StartsWith("passed", StringComparison.Ordinal) || line.StartsWith("failed", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Skipped_check_fails_a_run_without_skips()
    {
        string[] one = ["--shim", await SampleAsync(), .. s_things, "--check", "allow-list"];

        Assert.Equal(0, (await RunAsync(one)).ExitCode);
        Assert.Equal(1, (await RunAsync([.. one, "--no-skips"])).ExitCode);
    }

    [Theory]
    [InlineData("--shim {none} --kubernetes default", "no shim answers there; start it, or correct the address")]
    [InlineData("--shim tcp:here --kubernetes default", "'tcp:here' is neither unix:/path/shim.sock nor https://host:port")]
    [InlineData("--shim https://127.0.0.1:1 --kubernetes default", "--shim-tls CERT,KEY,CA")]
    [InlineData("--shim {none}", "give --kubernetes NAMESPACE, or --object-url and --body")]
    [InlineData("--shim {none} --object-url /things --body {value}", "--object-url must hold {name}")]
    [InlineData("--shim {none} --kubernetes default --check nonsense", "there is no check 'nonsense'; there are contract-version, describe")]
    public async Task Run_that_cannot_be_done_as_asked_is_one_line_and_exit_code_2(string arguments, string expected)
    {
        CommandResult run = await RunAsync(arguments.Replace("{none}", $"unix:{_scratch["none.sock"]}", StringComparison.Ordinal).Split(' '));

        Assert.True(run.ExitCode == 2, run.Out + run.Error);
        Assert.Contains(expected, Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_in_the_document_are_those_of_the_program()
    {
        CommandResult help = (await RunAsync(["--help"])).Succeeded();
        string document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "reference", "shim-contract.md"), Ct);
        string table = document[document.IndexOf("| `--shim` ADDRESS", StringComparison.Ordinal)..document.IndexOf("\nExit codes: ", StringComparison.Ordinal)];

        Assert.Equal(
            help.Out.Split('\n').Where(line => line.StartsWith("  -", StringComparison.Ordinal)).Select(line => LongOption().Match(line).Value).Where(option => option != "--help").Order(),
            table.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).SelectMany(line => LongOption().Matches(line.Split('|')[1]).Select(match => match.Value)).Order());
    }

    [Theory]
    [InlineData("k8s")]
    [InlineData("k3s")]
    public async Task Kubernetes_shim_of_a_real_cluster_passes_every_check(string kind)
    {
        RealCluster b = await clusters.BAsync();
        string space = RealClusters.FreshName("conformance");
        using Socket silent = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        try
        {
            await b.Kubectl.ExpectAsync("create", "namespace", space);
            string slow = await MakeSlowAsync(b.Kubectl, space, ((IPEndPoint)silent.LocalEndPoint!).Port);
            string socket = $"unix:{_scratch[$"{kind}.sock"]}";
            await StartAsync(kind, "ote", "ready ", "shim", kind, "--listen", socket, "--kubeconfig", b.Kubeconfig);

            CommandResult run = await RunAsync(["--shim", socket, "--kubernetes", space, "--as", "kubernetes-admin", "--as-group", "system:masters", "--slow-url", slow, "--no-skips"]);

            Assert.True(run.ExitCode == 0, run.Out + run.Error);
            Assert.EndsWith("21 passed, 0 failed, 0 skipped\n", run.Out, StringComparison.Ordinal);
        }
        finally
        {
            await b.Kubectl.RunAsync("delete", "crd", $"slows.{space}.test", "--wait=false", "--ignore-not-found");
            await b.Kubectl.RunAsync("delete", "namespace", space, "--wait=false", "--ignore-not-found");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes)
            await process.DisposeAsync();
        _scratch.Dispose();
    }

    /// <summary>A URL of the real API server that takes its time: a stored object whose other version only a webhook that never answers could make.</summary>
    private static async Task<string> MakeSlowAsync(Kubectl kubectl, string space, int port)
    {
        await kubectl.ApplyAsync($$$"""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: slows.{{{space}}}.test}
            spec:
              group: {{{space}}}.test
              scope: Namespaced
              names: {plural: slows, singular: slow, kind: Slow}
              conversion:
                strategy: Webhook
                webhook:
                  conversionReviewVersions: [v1]
                  clientConfig: {url: "https://127.0.0.1:{{{port}}}/convert" }
              versions:
              - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object} } }
              - {name: v2, served: true, storage: false, schema: {openAPIV3Schema: {type: object} } }
            """);
        await kubectl.ExpectAsync("wait", "--for=condition=Established", $"crd/slows.{space}.test", "--timeout=30s");
        await kubectl.UntilAsync(kinds => kinds.Contains("slows", StringComparison.Ordinal), s_soon, Ct, "api-resources", $"--api-group={space}.test", "-o", "name");
        CommandResult made = await kubectl.RunAsync(
            ["create", "--raw", $"/apis/{space}.test/v1/namespaces/{space}/slows", "-f", "-"],
            $$$"""{"apiVersion":"{{{space}}}.test/v1","kind":"Slow","metadata":{"name":"one"}}""", s_soon, Ct);
        made.Succeeded();
        return $"/apis/{space}.test/v2/namespaces/{space}/slows/one";
    }

    private async Task<string> SampleAsync()
    {
        string address = $"unix:{_scratch["things.sock"]}";
        await StartAsync("sample", "Shim.Sample", "Shim listens at", address);
        return address;
    }

    private async Task StartAsync(string name, string executable, string ready, params string[] arguments)
    {
        ProductProcess process = new(name, executable, arguments, _scratch.Path);
        _processes.Add(process);
        await process.StartAsync();
        await process.WaitForLineAsync(ready, s_soon, Ct);
    }

    private static Task<CommandResult> RunAsync(string[] arguments) => CommandLine.RunAsync(
        "dotnet", [Repository.Executable("ote"), "shim", "conformance", .. arguments], environment: null, input: null, TimeSpan.FromMinutes(3), Ct);

    [GeneratedRegex("--[a-z-]+")]
    private static partial Regex LongOption();
}
