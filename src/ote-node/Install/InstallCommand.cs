using System.CommandLine;
using System.Net;
using System.Net.NetworkInformation;
using Ote.Kube.Client;
using Ote.Node.EdgeHub;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary><c>ote-node install</c> and <c>uninstall</c>: the hub as a service of the machine, with the kubelet behind it, and back.</summary>
internal static class InstallCommand
{
    private const string KubeadmKubelet = "/etc/kubernetes/kubelet.conf";
    private const string KubeadmAuthority = "/etc/kubernetes/pki/ca.crt";
    private static readonly string[] s_short = ["/tmp", "/var/tmp", "/run", "/var/run", "/dev", "/proc", "/sys"];
    private static readonly NodePaths s_paths = new("/");

    public static Command Install()
    {
        var kubelet = KubeletUnitOption();
        var hub = new Argument<string[]>("edgehub-options")
        {
            HelpName = "-- EDGEHUB OPTIONS",
            Description = $"After --, options of `ote-node edgehub`; without --kubeconfig those of kubeadm's kubelet ({KubeadmKubelet}, {KubeadmAuthority})", Arity = ArgumentArity.ZeroOrMore,
        };
        var common = new CommonOptions();
        var command = new Command("install", "Install the hub as a service of this machine, and lead its kubelet there; pods run on. As root")
        {
            kubelet, hub,
        };
        command.Options.Add(common.Level);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            Privileged("install");
            RefuseK3s(parsed.GetRequiredValue(kubelet), parsed.GetValue(hub) ?? []);
            var (arguments, kubeconfig, data) = Arguments(parsed.GetValue(hub) ?? []);
            await Installation(host, data is null ? s_paths : s_paths with { Data = data }).InstallAsync(Program(Environment.ProcessPath!), arguments, kubeconfig, parsed.GetRequiredValue(kubelet), host.Stop).ConfigureAwait(false);
        }));
        return command;
    }

    public static Command Uninstall()
    {
        var kubelet = new Option<string?>("--kubelet-unit") { Description = "The kubelet's systemd unit; those that install led to the hub when absent" };
        var data = new Option<string?>("--data") { Description = "The folder that --purge removes, where the hub's unit does not name it any more" };
        var purge = new Option<bool>("--purge") { Description = "Remove its cache, its key and its journal too" };
        var common = new CommonOptions();
        var command = new Command("uninstall", "Lead the kubelet to its API server again, and remove the hub; pods run on. As root")
        {
            kubelet, purge, data,
        };
        command.Options.Add(common.Level);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            Privileged("uninstall");
            await new Removal(s_paths.WithData(parsed.GetValue(data)), new Systemd(), Console.Out.WriteLine).RunAsync(parsed.GetValue(kubelet), parsed.GetValue(purge), host.Stop).ConfigureAwait(false);
        }));
        return command;
    }

    /// <summary>The hub's arguments as its unit has them, the kubelet's kubeconfig among them, and its data folder; null: the usual one.</summary>
    /// <exception cref="RoleException">They are none, or say what the installation decides.</exception>
    internal static (IReadOnlyList<string> Arguments, string KubeletConfig, string? Data) Arguments(IReadOnlyList<string> given)
    {
        string[] all = given.Any(word => word == "--kubeconfig" || word.StartsWith("--kubeconfig=", StringComparison.Ordinal)) ? [.. given] : ["--kubeconfig", KubeadmKubelet, "--client-ca-file", KubeadmAuthority, .. given];
        if (all.FirstOrDefault(word => word.Split('=')[0] is "--write-kubeconfigs") is { } fixedHere)
        {
            throw new RoleException($"{fixedHere}: an installed hub has a folder of its own for them; leave it out");
        }

        var typed = EdgeHubCommand.Create().Parse(all);
        if (typed.Errors is [var first, ..])
        {
            throw new RoleException($"options of the hub, after --: {first.Message}");
        }

        var kubelets = Path.GetFullPath(typed.GetValue<string[]>("--kubeconfig")![0]);
        var data = all.Any(word => word == "--data" || word.StartsWith("--data=", StringComparison.Ordinal)) ? DataFolder(typed.GetValue<string>("--data")!) : null;
        return Path.GetFileName(kubelets) is var name && HubUnit.Quoted(name) == name ? (data is null ? all : [.. Without(all, "--data"), "--data", data], kubelets, data)
            : throw new RoleException($"--kubeconfig: a kubelet's unit cannot name a file that is called '{name}'; rename it, such as kubelet.conf");
    }

    /// <summary>A service does not stand where a shell did, and has folders for temporary files of its own, which go with it.</summary>
    private static string DataFolder(string given)
    {
        var folder = Path.GetFullPath(given);
        return s_short.Any(gone => folder == gone || folder.StartsWith(gone + "/", StringComparison.Ordinal)) ? throw new RoleException($"--data: what lies in {folder} is gone after a restart, and what was written while cut off with it; name a folder that stays, such as /var/lib/ote-node")
            : Directory.Exists(folder) && NodePaths.StrangeIn(folder) is { } strange ? throw new RoleException($"--data: {folder} holds other things, such as {strange}, and the hub's is its own alone; name one that is empty or not there yet")
            : folder;
    }

    private static IEnumerable<string> Without(string[] words, string option)
    {
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] == option)
            {
                i++;
            }
            else if (!words[i].StartsWith(option + "=", StringComparison.Ordinal))
            {
                yield return words[i];
            }
        }
    }

    /// <summary>A k3s agent's kubelet is part of it, and where it asks is said in the agent's own configuration.</summary>
    internal static void RefuseK3s(string kubelet, IReadOnlyList<string> given)
    {
        if (given.Any(word => word.Split('=')[0] == "--k3s-agent") || kubelet.StartsWith("k3s", StringComparison.Ordinal))
        {
            throw new RoleException("install leads a kubelet's unit to the hub, which a k3s agent does not have, and nothing was changed: run `ote-node edgehub --k3s-agent DIR --server URL` as a service of your own, write \"server: https://127.0.0.1:10262\" and "
                + "\"disable-apiserver-lb: true\" into /etc/rancher/k3s/config.yaml.d/90-ote-node.yaml, and run `systemctl restart k3s-agent`; docs/operate/edge-nodes.md has the whole unit");
        }
    }

    private static Option<string> KubeletUnitOption() => new("--kubelet-unit") { Description = "The kubelet's systemd unit", DefaultValueFactory = _ => "kubelet.service" };

    private static Installation Installation(RoleHost host, NodePaths paths) => new(paths, new Systemd(), HubTrial.RunAsync, AnswersAsync, IsAsked, Console.Out.WriteLine, host.Time);

    private static string Program(string running) => Path.GetFileName(running) != "dotnet" ? running
        : throw new RoleException("install copies the executable that it is, which is dotnet here; use the published ote-node (`./ote publish`)");

    private static void Privileged(string command)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new RoleException($"{command} changes services of the machine; run it as root");
        }
    }

    /// <summary>Whether a hub that a kubeconfig leads to answers, be the node connected or cut off.</summary>
    private static async Task<bool> AnswersAsync(string kubeconfig, CancellationToken ct)
    {
        try
        {
            using var hub = Kubeconfig.Load(kubeconfig).CreateHttpClient(TimeProvider.System);
            using var answer = await hub.GetAsync(new Uri("api", UriKind.Relative), ct).ConfigureAwait(false);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception early) when (early is KubeconfigException or HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Whether a process of this machine is connected to a hub that a kubeconfig leads to.</summary>
    private static bool IsAsked(string kubeconfig)
    {
        var hub = Kubeconfig.Load(kubeconfig).Server;
        return IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
            .Any(connection => connection.State == TcpState.Established && connection.RemoteEndPoint.Port == hub.Port && Plain(connection.RemoteEndPoint.Address).Equals(IPAddress.Parse(hub.Host)));
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
