using System.CommandLine;
using System.CommandLine.Help;
using Ote.Cli;
using Ote.Ctl.Applying;
using Ote.Ctl.Authority;
using Ote.Ctl.Backup;
using Ote.Ctl.Budgets;
using Ote.Ctl.Clusters;
using Ote.Ctl.Commands;
using Ote.Ctl.Getting;
using Ote.Ctl.Joining;
using Ote.Ctl.Lateral;
using Ote.Ctl.Live;
using Ote.Ctl.Messages;
using Ote.Ctl.Placing;
using Ote.Ctl.Setup;

namespace Ote.Ctl.Cli;

/// <summary>The whole command line: its commands, and how one run of it goes.</summary>
internal static class CommandLine
{
    /// <summary>Parses, runs, and returns the exit code.</summary>
    internal static Task<int> RunAsync(Surroundings world, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var configuration = new InvocationConfiguration { Output = world.Out, Error = world.Error, EnableDefaultExceptionHandler = false };
        return Executable.RunAsync(Build(world), world.ProgramName, arguments, configuration, cancellation);
    }

    internal static Command Build(Surroundings world)
    {
        var globals = new GlobalOptions();
        var runner = new CommandRunner(world, globals);
        var root = new Command("otectl", "Operate a tree of clusters through its control API.") { new HelpOption("--help", "-h"), VersionCommand.Option(world) };
        globals.AddTo(root);
        root.Add(GetCommand.Build(runner));
        root.Add(TreeCommand.Build(runner));
        root.Add(DescribeClusterCommand.Build(runner));
        root.Add(JoinTokenCommand.Build(runner));
        root.Add(AcceptCommand.BuildAccept(runner));
        root.Add(AcceptCommand.BuildRevoke(runner));
        root.Add(IssuingCommand.Build(runner));
        root.Add(CaRotateCommand.Build(runner));
        root.Add(ApplyCommand.Build(runner));
        root.Add(CommandCommand.Build(runner));
        root.Add(SendCommand.Build(runner));
        root.Add(ReceiveCommand.Build(runner));
        root.Add(TagCommand.Build(runner));
        root.Add(DeleteClusterCommand.Build(runner));
        root.Add(PinCommand.Build(runner));
        root.Add(PinCommand.BuildUnpin(runner));
        root.Add(ForbidCommand.Build(runner));
        root.Add(ForbidCommand.BuildAllow(runner));
        root.Add(DrainCommand.Build(runner));
        root.Add(DrainCommand.BuildUndrain(runner));
        root.Add(BudgetCommand.Build(runner));
        root.Add(LateralCommand.Build(runner));
        root.Add(BackupCommand.Build(runner));
        root.Add(LogsCommand.Build(runner));
        root.Add(ExecCommand.Build(runner));
        root.Add(InstallCommand.Build(runner));
        root.Add(UninstallCommand.Build(runner));
        root.Add(KubeconfigCommand.Build(runner));
        root.Add(VersionCommand.Build(runner));
        root.Add(CompletionCommand.Build(runner));
        root.Add(CompleteCommand.Build(runner, () => root));
        return root;
    }
}
