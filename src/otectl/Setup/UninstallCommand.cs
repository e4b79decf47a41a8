using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Ctl.Setup;

/// <summary><c>otectl uninstall</c>: takes out of a Kubernetes API server what <c>install</c> put there.</summary>
internal static class UninstallCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var dryRun = new Option<bool>("--dry-run") { Description = "Name what would be deleted, and delete nothing" };
        var tree = new Option<bool>("--tree") { Description = "Also the definitions with all clusters and commands, and the namespace with the tree's CA, if it is there: the tree is lost" };
        return runner.Attach(
            new Command("uninstall", "Take out of a Kubernetes API server what shows the fleet there; the tree stays, unless --tree is given.") { dryRun, tree },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(dryRun), run.Typed.GetValue(tree), cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, bool dryRun, bool tree, CancellationToken cancellation)
    {
        foreach (var obj in All(tree))
        {
            var kind = obj.Text("kind") switch
            {
                "Namespace" => Kinds.Namespaces,
                "CustomResourceDefinition" => Kinds.CustomResourceDefinitions,
                "ConfigMap" => Kinds.ConfigMaps,
                "Secret" => Kinds.Secrets,
                _ => FleetObjects.KindOf(obj),
            };
            var ns = kind.Namespaced ? obj.Namespace() : null;
            var there = dryRun
                ? await run.Api.GetAsync(kind, ns, obj.Name(), cancellation).ConfigureAwait(false) is not null
                : await run.Api.DeleteAsync(kind, ns, obj.Name(), cancellation).ConfigureAwait(false);
            if (there)
            {
                run.Out.Write(run.Format == OutputFormat.Name ? $"{ObjectPrinter.NameOf(obj)}\n" : $"{ObjectPrinter.NameOf(obj)} {(dryRun ? "would be deleted" : "deleted")}\n");
            }
        }

        return ExitCode.Ok;
    }

    /// <summary>The way first, so that nobody is led where nobody answers.</summary>
    private static IEnumerable<JsonObject> All(bool tree)
    {
        IEnumerable<JsonObject> fleet = FleetWay.Objects(GlobalOptions.ControlNamespace, "192.0.2.1", 443, "").Reverse().Append(Named("ConfigMap", FleetApi.Name)).Append(Named("Secret", FollowSecret.Name)).Concat(FleetObjects.Rights("").Reverse());
        return !tree ? fleet
            : fleet.Concat(Crds.Load()).Append(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = GlobalOptions.ControlNamespace } });
    }

    private static JsonObject Named(string kind, string name) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = kind, ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = GlobalOptions.ControlNamespace },
    };
}
