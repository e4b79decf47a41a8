using System.CommandLine;
using System.Text.Json;
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
        catch (KubeconfigException unusable)
        {
            return Tell(run, ExitCode.Unreachable, unusable.Message);
        }
        catch (KubeStatusException refused)
        {
            return Tell(run, ExitCode.Failed, Explain(refused, run.Server));
        }
        catch (Exception broken) when (IsUnreachable(broken))
        {
            var cause = broken.InnerException is { } inner && broken is HttpRequestException ? $"{broken.Message}: {inner.Message}" : broken.Message;
            return Tell(
                run,
                ExitCode.Unreachable,
                $"cannot reach the control API at {run.Server}: {cause.TrimEnd('.')}; check that it runs and that --kubeconfig and --context name it");
        }
    }

    /// <summary>Whether an exception means that the API server could not be talked to.</summary>
    internal static bool IsUnreachable(Exception trouble) =>
        trouble is HttpRequestException or IOException or JsonException or TimeoutException or OperationCanceledException;

    internal static string Explain(KubeStatusException refused, Uri? server) => refused.Code switch
    {
        401 => $"the control API at {server} does not know who you are: {refused.Message}; check the user of the kubeconfig's context",
        403 => $"the control API at {server} does not allow it: {refused.Message}; ask its administrator for the right",
        _ => $"the control API at {server} answered {refused.Code}: {refused.Message}",
    };

    private static ExitCode Tell(Invocation run, ExitCode code, string message)
    {
        run.Note(run.ErrorPaint.Bad("error:") + " " + Output.Cell.Printable(message));
        return code;
    }
}
