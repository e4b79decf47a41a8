using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Testing.Kubernetes;

namespace Ote.Bench.Access;

/// <summary>An edge cluster and three controllers above each other, each a process of its own as it ships: root (serves the fleet), north, mid and site, behind which is the cluster.</summary>
internal sealed class FleetProcesses : IAsyncDisposable
{
    /// <summary>The cluster's name in the tree.</summary>
    public const string Site = "site";

    private readonly List<Launched> _processes = [];
    private readonly Surroundings _around;
    private readonly CancellationToken _ct;

    private FleetProcesses(Surroundings around, CancellationToken ct) => (_around, _ct) = (around, ct);

    /// <summary>The cluster's own API.</summary>
    public KubeEndpoint Direct { get; private set; } = null!;

    /// <summary>The root's.</summary>
    public KubeEndpoint Fleet { get; private set; } = null!;

    public static async Task<FleetProcesses> StartAsync(Surroundings around, CancellationToken ct)
    {
        var fleet = new FleetProcesses(around, ct);
        try
        {
            await fleet.StartAsync();
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            await process.DisposeAsync();
        }
    }

    private async Task StartAsync()
    {
        var at = FreePorts.Take(4).Select(port => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}")).ToArray();
        await RunAsync("edge-cluster", "--name", "edge", "--data", Data("edge"), "--nodes", "1");
        await RunAsync("cluster-controller", "--name", "root", "--data", Data("root"), "--listen", at[0], "--serve", at[1]);
        Direct = Kubeconfig.Load(Path.Combine(Data("edge"), "kubeconfig"));
        Fleet = Kubeconfig.Load(Path.Combine(Data("root"), "kubeconfig"));
        await JoinAsync("north", at[0], "--listen", at[2]);
        await JoinAsync("mid", at[2], "--listen", at[3]);
        await JoinAsync(Site, at[3], "--managed-kubeconfig", Path.Combine(Data("edge"), "kubeconfig"));
    }

    private async Task JoinAsync(string name, string parent, params string[] more)
    {
        var token = JsonNode.Parse(await OtectlAsync("join-token", "create", "--auto-accept", "-o", "json", "--kubeconfig", Path.Combine(Data("root"), "kubeconfig")))!;
        var file = Data(name + "-token");
        await File.WriteAllTextAsync(file, (string)token["token"]!, _ct);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await RunAsync(["cluster-controller", "--name", name, "--data", Data(name), "--parent", $"https://{parent}", "--join-token-file", file, "--ca-pin", (string)token["caPin"]!, .. more]);
    }

    private string Data(string name) => Path.Combine(_around.Folder, name);

    private async Task RunAsync(params string[] arguments) =>
        _processes.Add(await Launched.StartAsync(_around.Time, "dotnet", [Ote.Testing.Kubernetes.Repository.Executable("ote"), .. arguments], attaches: false, _ct));

    private async Task<string> OtectlAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Ote.Testing.Kubernetes.Repository.Executable("otectl"), .. arguments]) { RedirectStandardOutput = true };
        using var otectl = Process.Start(start) ?? throw new BenchException("otectl did not start");
        var said = await otectl.StandardOutput.ReadToEndAsync(_ct);
        await otectl.WaitForExitAsync(_ct);
        return otectl.ExitCode == 0 ? said : throw new BenchException($"otectl {arguments[0]} ended with {otectl.ExitCode}");
    }
}
