using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Following;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Ctl.Setup;

/// <summary><c>otectl install</c>: makes any Kubernetes API server fit to be a control API.</summary>
internal static class InstallCommand
{
    private const string FieldManager = "otectl";

    internal static Command Build(CommandRunner runner)
    {
        var dryRun = new Option<bool>("--dry-run") { Description = "Print what would be applied (-o yaml or json), and change nothing" };
        var timeout = Durations.Option("--timeout", "How long to wait for the definitions to be served (default: 1m)");
        return runner.Attach(
            new Command("install", "Install the definitions and the namespace that the root needs in a Kubernetes API server.") { dryRun, timeout },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(dryRun), run.Typed.GetValue(timeout) ?? TimeSpan.FromMinutes(1), cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, bool dryRun, TimeSpan timeout, CancellationToken cancellation)
    {
        var crds = Crds.Load();
        var space = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Namespace",
            ["metadata"] = new JsonObject { ["name"] = GlobalOptions.ControlNamespace },
        };
        JsonObject[] all = [.. crds, space];
        if (dryRun)
        {
            await PrintAsync(run, all).ConfigureAwait(false);
            return ExitCode.Ok;
        }

        var applied = new List<JsonObject>();
        foreach (var obj in all)
        {
            var kind = obj == space ? Kinds.Namespaces : Kinds.CustomResourceDefinitions;
            applied.Add(await run.Api
                .PatchAsync(kind, null, obj.Name(), PatchKind.Apply, obj, cancellation, fieldManager: FieldManager, force: true).ConfigureAwait(false));
            if (!run.WantsObjects)
            {
                run.Out.Write($"{ObjectPrinter.NameOf(obj)} applied\n");
            }
        }

        await AwaitEstablishedAsync(run, crds.Select(crd => crd.Name()), timeout, cancellation).ConfigureAwait(false);
        if (run.WantsObjects)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, applied).ConfigureAwait(false);
        }
        else
        {
            run.Out.Write($"the control API at {run.Server} is ready for the root's cluster-controller\n");
        }

        return ExitCode.Ok;
    }

    private static async Task PrintAsync(Invocation run, JsonObject[] all)
    {
        switch (run.Format)
        {
            case OutputFormat.Yaml:
                run.Out.Write(string.Join("---\n", all.Select(Yaml.Write)));
                break;
            case OutputFormat.Json or OutputFormat.Name:
                await ObjectPrinter.ListAsync(run.Out, run.Format, all).ConfigureAwait(false);
                break;
            default:
                foreach (var obj in all)
                {
                    run.Out.Write($"{ObjectPrinter.NameOf(obj)} would be applied\n");
                }

                break;
        }
    }

    private static async Task AwaitEstablishedAsync(Invocation run, IEnumerable<string> names, TimeSpan timeout, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(timeout, run.World.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        var follower = ObjectFollower.Of(run);
        foreach (var name in names)
        {
            try
            {
                await foreach (var crd in follower.FollowAsync(Kinds.CustomResourceDefinitions, null, name, either.Token).ConfigureAwait(false))
                {
                    if (crd?.IsTrue("Established") == true)
                    {
                        break;
                    }
                }
            }
            catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
            {
                throw new CtlException(
                    ExitCode.TimedOut,
                    $"definition {name} is not served after {Durations.Format(timeout)}; look at its conditions with kubectl describe crd {name}, or wait longer with --timeout");
            }
        }
    }
}
