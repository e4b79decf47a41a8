using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Ctl.Setup;

/// <summary><c>otectl install</c>: makes any Kubernetes API server fit to be a control API, and has it show the fleet.</summary>
internal static class InstallCommand
{
    private const string FieldManager = "otectl";

    internal static Command Build(CommandRunner runner)
    {
        var dryRun = new Option<bool>("--dry-run") { Description = "Print what would be applied (-o yaml or json), and change nothing" };
        var timeout = Durations.Option("--timeout", "How long to wait for the definitions to be served, and for the fleet (default: 1m)");
        var fleet = new FleetOptions();
        var command = new Command("install", "Install the definitions and the namespace that the root needs in a Kubernetes API server.") { dryRun, timeout };
        fleet.AddTo(command);
        return runner.Attach(
            command, (run, cancellation) => RunAsync(run, fleet, run.Typed.GetValue(dryRun), run.Typed.GetValue(timeout) ?? TimeSpan.FromMinutes(1), cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, FleetOptions fleet, bool dryRun, TimeSpan timeout, CancellationToken cancellation)
    {
        var crds = Crds.Load();
        var space = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Namespace",
            ["metadata"] = new JsonObject { ["name"] = GlobalOptions.ControlNamespace },
        };
        var shows = fleet.Wants(run.Typed);
        IReadOnlyList<JsonObject> all = [.. crds, space, .. shows ? FleetObjects.Rights(fleet.User(run.Typed)) : []];
        if (dryRun)
        {
            if (shows)
            {
                var (host, port, authority) = await fleet.WhereAsync(run, patience: null, cancellation).ConfigureAwait(false);
                all = [.. all, .. FleetWay.Objects(GlobalOptions.ControlNamespace, host, port, authority)];
            }

            await PrintAsync(run, all).ConfigureAwait(false);
            return ExitCode.Ok;
        }

        using var patience = new CancellationTokenSource(timeout, run.World.Time);
        var applied = new List<JsonObject>();
        await ApplyAsync(run, all, applied, cancellation).ConfigureAwait(false);
        foreach (var name in crds.Select(crd => crd.Name()))
        {
            await InstallWait.UntilAsync(
                run, Kinds.CustomResourceDefinitions, name, "Established",
                _ => $"definition {name} is not served after {Durations.Format(timeout)}; look at its conditions with kubectl describe crd {name}, or wait longer with --timeout", patience.Token, cancellation).ConfigureAwait(false);
        }

        if (shows)
        {
            await LeadAsync(run, fleet, timeout, applied, patience.Token, cancellation).ConfigureAwait(false);
        }

        if (run.WantsObjects)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, applied).ConfigureAwait(false);
        }
        else
        {
            run.Out.Write($"the control API at {run.Server} is ready for the root's cluster-controller\n{(shows ? $"and shows the fleet: kubectl get pods.{FleetApi.Group} -A\n" : "")}");
        }

        return ExitCode.Ok;
    }

    /// <summary>Leads the API server to where the root says that it serves.</summary>
    private static async Task LeadAsync(Invocation run, FleetOptions fleet, TimeSpan timeout, List<JsonObject> applied, CancellationToken patience, CancellationToken cancellation)
    {
        var (host, port, authority) = await fleet.WhereAsync(run, patience, cancellation).ConfigureAwait(false);
        var way = FleetWay.Objects(GlobalOptions.ControlNamespace, host, port, authority);
        foreach (var made in await FleetWay.PutAsync(run.Api, FieldManager, way, cancellation).ConfigureAwait(false))
        {
            Applied(run, made, applied);
        }

        await InstallWait.UntilAsync(
            run, FleetWay.ApiServices, FleetApi.ApiService, "Available",
            why => $"APIService {FleetApi.ApiService} is not available after {Durations.Format(timeout)}: {why ?? "nothing is said of why"}; the API server must reach {host}:{port}", patience, cancellation).ConfigureAwait(false);
    }

    private static async Task ApplyAsync(Invocation run, IEnumerable<JsonObject> objects, List<JsonObject> applied, CancellationToken cancellation)
    {
        foreach (var obj in objects)
        {
            var kind = obj.Text("kind") switch
            {
                "Namespace" => Kinds.Namespaces,
                "CustomResourceDefinition" => Kinds.CustomResourceDefinitions,
                _ => FleetObjects.KindOf(obj),
            };
            Applied(
                run, await run.Api.PatchAsync(kind, kind.Namespaced ? obj.Namespace() : null, obj.Name(), PatchKind.Apply, obj, cancellation, fieldManager: FieldManager, force: true).ConfigureAwait(false),
                applied);
        }
    }

    private static void Applied(Invocation run, JsonObject obj, List<JsonObject> applied)
    {
        applied.Add(obj);
        if (!run.WantsObjects)
        {
            run.Out.Write($"{ObjectPrinter.NameOf(obj)} applied\n");
        }
    }

    private static async Task PrintAsync(Invocation run, IReadOnlyList<JsonObject> all)
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
}
