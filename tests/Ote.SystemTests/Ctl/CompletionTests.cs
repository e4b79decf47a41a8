using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Ctl;

/// <summary>
/// Completion in the shells themselves: each runs on a terminal of its own, somebody types and presses Tab. And otectl as kubectl's plugin,
/// under the names kubectl looks for.
/// </summary>
public sealed class CompletionTests(RealClusters clusters) : IAsyncLifetime
{
    // Types into an interactive shell, presses Tab, and prints what stands on the line then; killed by the test if that never comes. As a
    // person would on a machine so busy that names did not come in time, it presses Tab again after a while.
    private const string Terminal = """
        zmodload zsh/zpty zsh/zselect || exit 1
        setup=$1 typed=$2 expected=$3 seen= waits=0; shift 3
        zpty -b -e sh "stty cols 120 rows 24; exec $*"
        until_seen() {
            until [[ $seen == *${~1}* ]]; do
                if zpty -r sh part; then seen+=$part; else zselect -t 10; fi
                (( ++waits % 100 )) || zpty -w -n sh "$2"
            done
        }
        zpty -w sh "$setup; PS1='rea''dy> '"
        until_seen 'ready> ' ''
        seen=
        zpty -w -n sh "$typed"$'\t'
        until_seen "$expected" $'\t'
        print -r -- "$seen"
        """;

    private static readonly TimeSpan s_soon = TimeSpan.FromMinutes(1);
    private readonly Scratch _scratch = new("shells");
    private ApiServer? _server;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>An API with one cluster, shop-17, and the program on the PATH under all its names.</summary>
    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync(new ApiServerOptions { InstallCrds = Crds.Load() }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        await _server.WriteAdminKubeconfigAsync(_scratch["kubeconfig"], new Uri($"https://{await _server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Ct)}"), Ct);
        using var client = _server.CreateClient(new UserInfo("admin", [UserInfo.Masters]));
        await client.CreateAsync(Kinds.Clusters, null, new JsonObject
        {
            ["apiVersion"] = Kinds.Clusters.ApiVersion,
            ["kind"] = Kinds.Clusters.Kind,
            ["metadata"] = new JsonObject { ["name"] = "shop-17" },
            ["spec"] = new JsonObject { ["name"] = "shop-17" },
        }, Ct);
        string bin = Directory.CreateDirectory(_scratch["bin"]).FullName, built = Path.ChangeExtension(Repository.Executable("otectl"), null);
        foreach (string name in (string[])["otectl", "kubectl-ote", "kubectl_complete-ote"])
            File.CreateSymbolicLink(Path.Combine(bin, name), built);
        foreach (string name in (string[])["ote", "ote-node"])
            File.CreateSymbolicLink(Path.Combine(bin, name), Path.ChangeExtension(Repository.Executable(name), null));
        await File.WriteAllTextAsync(_scratch["terminal.zsh"], Terminal, Ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _scratch.Dispose();
    }

    [Theory]
    [InlineData("otectl join-token rev", "rev*oke")]
    [InlineData("otectl describe cluster sh", "sh*op-17")]
    public async Task Tab_in_bash_completes_and_leaves_the_terminal_as_it_is(string typed, string expected)
    {
        string seen = await TabAsync("source <(otectl completion bash)", typed, expected, "bash --norc --noprofile -i");

        // A program that takes the terminal for its own puts the keys into application mode, in the middle of the line.
        Assert.DoesNotContain("\e[?1h", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("otectl join-token rev", "rev*oke")]
    [InlineData("otectl describe cluster sh", "sh*op-17")]
    public Task Tab_in_zsh_completes(string typed, string expected) =>
        TabAsync("autoload -Uz compinit; compinit -u -D; source <(otectl completion zsh)", typed, expected, "zsh -f -i");

    [Theory]
    [InlineData("ote-node", "edge", "edge*hub")]
    [InlineData("ote-node", "edgehub --share", "--share*-reads")]
    [InlineData("ote", "edge-con", "edge-con*troller")]
    public async Task What_runs_at_a_node_or_a_cluster_completes_its_words_too(string program, string typed, string expected)
    {
        await TabAsync($"source <({program} completion bash)", $"{program} {typed}", expected, "bash --norc --noprofile -i");
        await TabAsync($"autoload -Uz compinit; compinit -u -D; source <({program} completion zsh)", $"{program} {typed}", expected, "zsh -f -i");
        string offered = (await RunAsync("fish", "--no-config", "-c", $"{program} completion fish | source; complete -C '{program} {typed}'")).Succeeded().Out;
        Assert.Equal(expected.Replace("*", ""), offered.Trim());
    }

    [Theory]
    [InlineData("otectl join-token ", "create\nlist\nrevoke\n")]
    [InlineData("otectl describe cluster sh", "shop-17\n")]
    [InlineData("otectl get clusters --no", "--no-color\n")]
    public async Task Completion_in_fish_offers_what_may_follow(string typed, string expected)
    {
        // Asked again while nothing is offered, as above.
        CommandResult offered = await RunAsync("fish", "--no-config", "-c", $"otectl completion fish | source; set -l found; while test -z \"$found\"; set found (complete -C '{typed}'); end; printf '%s\\n' $found");

        Assert.Equal(expected, offered.Succeeded().Out);
    }

    [Fact]
    public async Task Kubectl_runs_it_as_its_plugin_and_completes_it()
    {
        string kubectl = (await clusters.ToolsAsync()).NewKubectl;

        Assert.Equal("cluster.ote.baidu.com/shop-17\n", (await RunAsync(kubectl, "ote", "get", "clusters", "-o", "name")).Succeeded().Out);
        CommandResult wrong = await RunAsync(kubectl, "ote", "get", "clustres");
        Assert.Equal((2, "error: 'clustres' is not known here (did you mean clusters?); see kubectl ote get --help\n"), (wrong.ExitCode, wrong.Error));
        string[] offered = (await RunAsync(kubectl, "__complete", "ote", "describe", "cluster", "sh")).Succeeded().Out.Split('\n');
        Assert.Equal("shop-17", offered[0]);
    }

    [Fact]
    public async Task Kubectl_of_old_runs_it_as_its_plugin() =>
        Assert.Equal("cluster.ote.baidu.com/shop-17\n", (await RunAsync((await clusters.ToolsAsync()).OldKubectl, "ote", "get", "clusters", "-o", "name")).Succeeded().Out);

    private async Task<string> TabAsync(string setup, string typed, string expected, string shell) =>
        (await RunAsync("zsh", "-f", _scratch["terminal.zsh"], setup, typed, expected, shell)).Succeeded().Out;

    private Task<CommandResult> RunAsync(string file, params string[] arguments) => CommandLine.RunAsync(
        file, arguments,
        new Dictionary<string, string>
        {
            ["PATH"] = $"{_scratch["bin"]}:{Environment.GetEnvironmentVariable("PATH")}",
            ["HOME"] = _scratch.Path,
            ["KUBECONFIG"] = _scratch["kubeconfig"],
            ["TERM"] = "vt100",
            // What is built finds the framework that runs these tests.
            ["DOTNET_ROOT"] = Path.GetDirectoryName(Environment.ProcessPath)!,
        },
        input: null, s_soon, Ct);
}
