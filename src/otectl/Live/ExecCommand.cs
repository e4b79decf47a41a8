using System.CommandLine;
using Ote.Ctl.Cli;

namespace Ote.Ctl.Live;

/// <summary>
/// <c>otectl exec POD -- COMMAND</c>: kubectl's own exec, led to the pod's cluster. Terminals, their size, signals and half-closed streams are kubectl's trade.
/// </summary>
internal static class ExecCommand
{
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
                return KubectlRun.RunAsync(run, run.Typed.GetValue(cluster), arguments, cancellation);
            });
    }
}
