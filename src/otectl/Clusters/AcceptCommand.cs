using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary><c>otectl accept NAME...</c>: lets clusters in that joined with a token that asks first.</summary>
internal static class AcceptCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var names = new Argument<string[]>("NAME") { HelpName = "NAME", Description = "Clusters to accept", Arity = ArgumentArity.OneOrMore };
        names.CompletionSources.Add(Completions.Clusters);
        return runner.Attach(
            new Command("accept", "Accept clusters that wait for approval.") { names },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(names) ?? [], cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string[] names, CancellationToken cancellation)
    {
        // All names are checked before anything is changed: a typing error must not leave half of it done.
        var found = new List<ClusterView>();
        foreach (var name in names.Distinct(StringComparer.Ordinal))
        {
            found.Add(await ClusterReader.OneAsync(run, name, cancellation).ConfigureAwait(false));
        }

        var changed = new List<JsonObject>();
        foreach (var cluster in found)
        {
            var already = cluster.Object.Truth("spec", "accepted") == true;
            var patch = new JsonObject { ["spec"] = new JsonObject { ["accepted"] = true } };
            changed.Add(already
                ? cluster.Object
                : await run.Api.PatchAsync(Kinds.Clusters, null, cluster.Name, PatchKind.Merge, patch, cancellation, fieldManager: "otectl").ConfigureAwait(false));
            if (!run.WantsObjects)
            {
                run.Out.Write($"cluster {cluster.Name} {(already ? "was accepted already" : "accepted")}\n");
            }
        }

        if (run.WantsObjects)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, changed).ConfigureAwait(false);
        }

        return ExitCode.Ok;
    }
}
