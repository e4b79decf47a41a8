using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Commands;
using Ote.Ctl.Following;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Applying;

/// <summary>Creates commands in order, each after the one before has ended, and keeps their receipts.</summary>
/// <param name="run">The call.</param>
/// <param name="follower">Follows objects.</param>
/// <param name="planned">The commands.</param>
/// <param name="observed">Whether it is waited until each was observed as well, as far as it can be.</param>
internal sealed class ApplyRun(Invocation run, ObjectFollower follower, IReadOnlyList<(string Subject, JsonObject Command)> planned, bool observed = false)
{
    /// <summary>Above this, failing targets are looked up once, at the end: each look goes through every page.</summary>
    private const int MaxLiveTargets = 500;

    private readonly Receipt[] _receipts = [.. planned.Select(plan => new Receipt(plan.Subject, null, []))];

    internal IReadOnlyList<Receipt> Receipts => _receipts;

    /// <summary>Creates all commands and waits for none.</summary>
    internal async Task SubmitAsync(CancellationToken cancellation)
    {
        for (var i = 0; i < _receipts.Length; i++)
        {
            await CreateAsync(i, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Runs to the end, or until a command is meant for nobody or refused: what follows would fare no better. A target that
    /// fails does not hold up the others.
    /// </summary>
    internal async Task RunAsync(Action<IReadOnlyList<Receipt>> changed, CancellationToken cancellation)
    {
        for (var i = 0; i < _receipts.Length; i++)
        {
            await CreateAsync(i, cancellation).ConfigureAwait(false);
            changed(_receipts);
            var command = await AwaitAsync(i, changed, cancellation).ConfigureAwait(false);
            if (command.NothingMatched is not null || command.Refusal is not null)
            {
                return;
            }
        }
    }

    /// <summary>Fills in which targets did not succeed.</summary>
    internal async Task CollectFailuresAsync(CancellationToken cancellation)
    {
        for (var i = 0; i < _receipts.Length; i++)
        {
            if (_receipts[i].Command is { Lost: > 0 } command)
            {
                await CollectAsync(i, command, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task CreateAsync(int i, CancellationToken cancellation)
    {
        var command = planned[i].Command;
        try
        {
            var created = await run.Api.CreateAsync(Kinds.ClusterControllers, command.Namespace(), command, cancellation).ConfigureAwait(false);
            _receipts[i] = _receipts[i] with { Command = new CommandView(created) };
        }
        catch (KubeStatusException missing) when (missing.IsNotFound)
        {
            throw new CtlException(
                ExitCode.Failed,
                $"command for {planned[i].Subject} cannot be created in namespace {command.Namespace()}: {missing.Message}; "
                + (command.Namespace() == GlobalOptions.ControlNamespace
                    ? $"install the definitions and the namespace with {run.World.ProgramName} install"
                    : $"create the namespace, or leave --command-namespace out (it is then {GlobalOptions.ControlNamespace}); -n is the namespace of the objects"),
                missing);
        }
        catch (KubeStatusException refused) when (refused.Code == 403)
        {
            throw new CtlException(
                ExitCode.Failed,
                $"command for {planned[i].Subject} may not be written in namespace {command.Namespace()}: {refused.Message.TrimEnd('.')}; "
                + "name the namespace in which you may write commands with --command-namespace",
                refused);
        }
        catch (KubeStatusException invalid) when (invalid.Code is 400 or 422)
        {
            throw new CtlException(ExitCode.Usage, $"command for {planned[i].Subject} was refused: {invalid.Message}; correct the manifest or the selector", invalid);
        }
    }

    private async Task<CommandView> AwaitAsync(int i, Action<IReadOnlyList<Receipt>> changed, CancellationToken cancellation)
    {
        var name = planned[i].Command.Name();
        var collected = 0L;
        await foreach (var state in follower.FollowAsync(Kinds.ClusterControllers, planned[i].Command.Namespace(), name, cancellation).ConfigureAwait(false))
        {
            if (state is null)
            {
                throw new CtlException(ExitCode.Failed, $"command {name} was deleted by someone while it ran; apply again");
            }

            var command = new CommandView(state);
            _receipts[i] = _receipts[i] with { Command = command };
            if (command.Lost > collected && (command.IsFinished || command.Count("targets") <= MaxLiveTargets))
            {
                collected = command.Lost;
                await CollectAsync(i, command, cancellation).ConfigureAwait(false);
            }

            changed(_receipts);
            if ((command.IsFinished && !(observed && command.IsWatched)) || command.NothingMatched is not null || command.Refusal is not null)
            {
                return command;
            }
        }

        throw new InvalidOperationException("a follower ends only by cancellation");
    }

    private async Task CollectAsync(int i, CommandView command, CancellationToken cancellation)
    {
        var failures = new List<Outcome>();
        await foreach (var outcome in ResultPages.OutcomesAsync(run.Api, command, cancellation).ConfigureAwait(false))
        {
            if (!outcome.Succeeded)
            {
                failures.Add(outcome);
                if (failures.Count >= Receipt.MaxFailures)
                {
                    break;
                }
            }
        }

        _receipts[i] = _receipts[i] with { Failures = failures };
    }
}
