using System.CommandLine;
using Ote.Kube.Client;

namespace Ote.Ctl.Cli;

/// <summary>Gives commands their action, and turns what goes wrong into one line and an exit code.</summary>
internal sealed class CommandRunner(Surroundings world, GlobalOptions globals)
{
    internal Surroundings World => world;

    /// <summary>Makes <paramref name="body"/> the action of a command.</summary>
    internal Command Attach(Command command, Func<Invocation, CancellationToken, Task<ExitCode>> body)
    {
        command.SetAction(async (typed, cancellation) => (int)await RunAsync(typed, body, cancellation).ConfigureAwait(false));
        return command;
    }

    private async Task<ExitCode> RunAsync(ParseResult typed, Func<Invocation, CancellationToken, Task<ExitCode>> body, CancellationToken cancellation)
    {
        using var run = new Invocation(world, globals, typed);
        try
        {
            return await body(run, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (CtlException told)
        {
            return Tell(run, told.Code, told.Message);
        }
        catch (Ote.Messages.MessagesException untold)
        {
            return Tell(run, ExitCode.Unreachable, untold.Message);
        }
        catch (KubeconfigException unusable)
        {
            return Tell(run, ExitCode.Unreachable, unusable.Message);
        }
        catch (KubeStatusException refused)
        {
            return Tell(run, ExitCode.Failed, Trouble.Of(refused, run.Server, world.ProgramName));
        }
        catch (Exception broken) when (Trouble.IsUnreachable(broken))
        {
            return Tell(run, ExitCode.Unreachable, Trouble.Of(broken, run.Server));
        }
    }

    private static ExitCode Tell(Invocation run, ExitCode code, string message)
    {
        run.Note(run.ErrorPaint.Bad("error:") + " " + Output.Cell.Printable(message));
        return code;
    }
}
