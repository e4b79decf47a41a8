using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Kube.Client;

namespace Ote.Ctl.Live;

/// <summary>
/// <c>otectl exec POD -- COMMAND</c>: kubectl's own exec, led to the pod's cluster. Terminals, their size, signals and half-closed streams are kubectl's trade; it is given the kubeconfig in
/// use and another server, so that no credential is copied.
/// </summary>
internal static class ExecCommand
{
    private const string Kubectl = "kubectl";

    internal static Command Build(CommandRunner runner)
    {
        var pod = new Argument<string>("POD") { Description = "The pod, by its name in its cluster; without --cluster by the name it is shown under, NAME-CLUSTER" };
        var words = new Argument<string[]>("COMMAND") { Description = "What to run, after --", Arity = ArgumentArity.OneOrMore, HelpName = "COMMAND" };
        var cluster = ClusterOption.Create("The cluster it is in (default: whose the shown name is)");
        var container = new Option<string?>("--container", "-c") { Description = "The container (default: the only one, or the one the pod names)", HelpName = "NAME" };
        var stdin = new Option<bool>("--stdin", "-i") { Description = "Pass standard input on" };
        var tty = new Option<bool>("--tty", "-t") { Description = "With a terminal" };
        return runner.Attach(
            new Command("exec", "Run a command in a container of a pod, wherever it is, by the kubectl on the PATH.") { pod, words, cluster, container, stdin, tty },
            (run, cancellation) =>
            {
                List<string> arguments = ["exec", LogsCommand.Bare(run.Typed.GetRequiredValue(pod)), "--namespace", run.Namespace ?? "default"];
                if (run.Typed.GetValue(container) is { } chosen)
                {
                    arguments.AddRange(["--container", chosen]);
                }

                arguments.AddRange([.. run.Typed.GetValue(stdin) ? (string[])["--stdin"] : [], .. run.Typed.GetValue(tty) ? (string[])["--tty"] : [], "--", .. run.Typed.GetRequiredValue(words)]);
                return RunAsync(run, run.Typed.GetValue(cluster), arguments, cancellation);
            });
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string? cluster, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var endpoint = run.World.Locate(run.KubeconfigPath, run.ContextName);
        var kubectl = Find(run.World.Variable("PATH")) ?? throw new CtlException(
            ExitCode.Failed, $"exec: there is no {Kubectl} on the PATH, which carries it out; install one (v1.20 or later), or run: {run.World.ProgramName} kubeconfig{(cluster is null ? "" : " --cluster " + cluster)} --raw, and use that where there is one");
        List<string> all = ["--kubeconfig", Kubeconfig.DefaultPath(run.KubeconfigPath), "--server", ClusterOption.Server(endpoint.Server, cluster).ToString().TrimEnd('/')];
        if (run.ContextName is { } context)
        {
            all.AddRange(["--context", context]);
        }

        if (endpoint.ServerName is { } name)
        {
            all.AddRange(["--tls-server-name", name]); // another server would make it forget the kubeconfig's
        }

        // Its exit code is the command's.
        return (ExitCode)await run.World.Run(kubectl, [.. all, .. arguments], cancellation).ConfigureAwait(false);
    }

    private static string? Find(string? path) => path?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? Kubectl + ".exe" : Kubectl)).FirstOrDefault(File.Exists);
}
