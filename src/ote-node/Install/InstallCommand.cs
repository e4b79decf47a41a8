using System.CommandLine;
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
            Description = $"After --, options of `ote-node edgehub`; without --kubeconfig those of kubeadm's kubelet ({KubeadmKubelet}, {KubeadmAuthority}); without any those with which it was installed before", Arity = ArgumentArity.ZeroOrMore,
        };
        var common = new CommonOptions();
        var command = new Command("install", "Install the hub as a service of this machine, and lead its kubelet there; pods run on. As root")
        {
            kubelet, hub,
        };
        command.Options.Add(common.Level);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            EmptyValue.Refuse(parsed);
            Privileged("install changes services of the machine");
            var (paths, arguments, kubeconfig) = Prepared(s_paths, parsed.GetRequiredValue(kubelet), parsed.GetValue(hub) ?? [], Environment.CurrentDirectory, Console.Out.WriteLine);
            await Installation(host, paths).InstallAsync(Program(Environment.ProcessPath!), arguments, kubeconfig, parsed.GetRequiredValue(kubelet), host.Stop).ConfigureAwait(false);
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
            EmptyValue.Refuse(parsed);
            Privileged("uninstall changes services of the machine");
            await new Removal(s_paths.WithData(parsed.GetValue(data)), new Systemd(), NodeAnnotations.RemoveAsync, Console.Out.WriteLine).RunAsync(parsed.GetValue(kubelet), parsed.GetValue(purge), host.Stop).ConfigureAwait(false);
        }));
        return command;
    }

    /// <summary>What is installed on a machine, and where.</summary>
    /// <exception cref="RoleException">It cannot be.</exception>
    /// <param name="paths">Where things lie, with the usual data folder.</param>
    /// <param name="kubelet">The kubelet's unit.</param>
    /// <param name="given">What stands after <c>--</c>.</param>
    /// <param name="called">The folder where install was called.</param>
    /// <param name="say">Told what becomes of the options of a hub that is installed.</param>
    internal static (NodePaths Paths, IReadOnlyList<string> Arguments, string KubeletConfig) Prepared(NodePaths paths, string kubelet, IReadOnlyList<string> given, string called, Action<string> say)
    {
        SystemdNeed.See(paths, "install");
        var options = FormerOptions.Kept(given, paths.UnitText(), paths.Unit);
        RefuseK3s(kubelet, options);
        var (arguments, kubeconfig, data) = Arguments(options, called);
        if (FormerOptions.Said(given, arguments, paths.UnitText()) is { } said)
        {
            say(said);
        }

        return (data is null ? paths : paths with { Data = data }, arguments, kubeconfig);
    }

    /// <summary>The hub's arguments as its unit has them, the kubelet's kubeconfig among them, and its data folder; null: the usual one.</summary>
    /// <exception cref="RoleException">They are none, or say what the installation decides.</exception>
    /// <param name="given">What stands after <c>--</c>.</param>
    /// <param name="called">The folder where install was called, from where a data folder is named: a service stands in the root.</param>
    internal static (IReadOnlyList<string> Arguments, string KubeletConfig, string? Data) Arguments(IReadOnlyList<string> given, string called)
    {
        string[] all = given.Any(word => word.Split('=', ':')[0] == "--kubeconfig") ? [.. given] : ["--kubeconfig", KubeadmKubelet, "--client-ca-file", KubeadmAuthority, .. given];
        var typed = EdgeHubCommand.Create().Parse(all);
        if (typed.Errors is [var first, ..])
        {
            throw new RoleException($"options of the hub, after --: {first.Message.TrimEnd('.')}; nothing was changed, and `ote-node edgehub --help` lists them");
        }

        if (typed.GetValue<bool>("--check"))
        {
            throw new RoleException("--check is not for an installed hub, which would look and end for ever, and nothing was changed: leave it out (install looks by itself first), or run `ote-node edgehub ... --check`");
        }

        if (typed.GetValue<string?>("--write-kubeconfigs") is not null)
        {
            throw new RoleException("--write-kubeconfigs: an installed hub has a folder of its own for them, and nothing was changed; leave it out");
        }

        var kubelets = Path.GetFullPath(typed.GetValue<string[]>("--kubeconfig")![0]);
        var data = all.Any(word => word.Split('=', ':')[0] == "--data") ? DataFolder(Path.GetFullPath(typed.GetValue<string>("--data")!, called)) : null;
        return Path.GetFileName(kubelets) is var name && HubUnit.Quoted(name) == name ? (data is null ? all : [.. Without(all, "--data"), "--data", data], kubelets, data)
            : throw new RoleException($"--kubeconfig: a kubelet's unit cannot name a file that is called '{name}'; rename it, such as kubelet.conf");
    }

    /// <summary>A service does not stand where a shell did, and has folders for temporary files of its own, which go with it.</summary>
    private static string DataFolder(string folder)
    {
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
            else if (words[i].Split('=', ':')[0] != option)
            {
                yield return words[i];
            }
        }
    }

    /// <summary>A k3s agent's kubelet is part of it, and where it asks is said in the agent's own configuration.</summary>
    internal static void RefuseK3s(string kubelet, IReadOnlyList<string> given)
    {
        if (given.Any(word => word.Split('=')[0] == "--k3s-agent") || K3sRecipe.IsAgent(kubelet))
        {
            throw new RoleException($"install leads a kubelet's unit to the hub, which a k3s agent does not have, and nothing was changed: {K3sRecipe.Steps}");
        }
    }

    private static Option<string> KubeletUnitOption() => new("--kubelet-unit") { Description = "The kubelet's systemd unit", DefaultValueFactory = _ => "kubelet.service" };

    private static Installation Installation(RoleHost host, NodePaths paths) => new(paths, new Systemd(), HubTrial.RunAsync, HubProbe.AnswersAsync, HubProbe.IsAsked, HubProbe.SiteOfAsync, OtherHub.Sign, Console.Out.WriteLine, host.Time);

    private static string Program(string running) => Path.GetFileName(running) != "dotnet" ? running
        : throw new RoleException("install copies the executable that it is, which is dotnet here; use the published ote-node (`./ote publish`)");

    internal static void Privileged(string reason)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new RoleException($"{reason}; run it as root");
        }
    }
}
