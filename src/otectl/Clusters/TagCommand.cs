using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary><c>otectl tag CLUSTER key=value key2 key-</c>.</summary>
internal static class TagCommand
{
    private const int Attempts = 5;

    internal static Command Build(CommandRunner runner)
    {
        var name = new Argument<string>("CLUSTER") { HelpName = "CLUSTER", Description = "The cluster" };
        name.CompletionSources.Add(Completions.Clusters);
        var edits = new Argument<string[]>("TAG") { HelpName = "TAG", Description = "KEY or KEY=VALUE to set, KEY- to remove", Arity = ArgumentArity.OneOrMore };
        return runner.Attach(
            new Command("tag", "Set and remove tags of a cluster.") { name, edits },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(name)!, run.Typed.GetValue(edits)!, cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string name, string[] edits, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var cluster = await ClusterReader.OneAsync(run, name, cancellation).ConfigureAwait(false);
            var tags = Edited(cluster, edits);
            var patch = new JsonObject
            {
                ["metadata"] = new JsonObject { ["resourceVersion"] = cluster.Object.ResourceVersion() },
                ["spec"] = new JsonObject { ["tags"] = new JsonArray([.. tags.Select(tag => (JsonNode)tag)]) },
            };
            try
            {
                var changed = await run.Api
                    .PatchAsync(Kinds.Clusters, null, name, PatchKind.Merge, patch, cancellation, fieldManager: "otectl").ConfigureAwait(false);
                if (run.WantsObjects)
                {
                    ObjectPrinter.One(run.Out, run.Format, changed);
                }
                else
                {
                    run.Out.Write($"cluster {name} tagged {(tags.Count == 0 ? "<none>" : string.Join(',', tags))}\n");
                }

                return ExitCode.Ok;
            }
            catch (KubeStatusException conflict) when (conflict.IsConflict && attempt < Attempts)
            {
                // Someone else changed the cluster between our look and our word: look again.
            }
        }
    }

    /// <summary>The operator's own list once there is one; until then what the cluster reported at its start.</summary>
    private static IReadOnlyList<string> Edited(ClusterView cluster, string[] edits)
    {
        try
        {
            return TagEdits.Apply(cluster.WantedTags ?? cluster.Tags, edits);
        }
        catch (FormatException wrong)
        {
            throw new CtlException(ExitCode.Usage, $"cluster {cluster.Name}: {wrong.Message}", wrong);
        }
    }
}
