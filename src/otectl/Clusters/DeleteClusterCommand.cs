using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary><c>otectl delete cluster NAME...</c>: forgets clusters that are gone for good, so that their names are free.</summary>
internal static class DeleteClusterCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var names = new Argument<string[]>("NAME") { HelpName = "NAME", Description = "Clusters to forget; each must be offline", Arity = ArgumentArity.OneOrMore };
        names.CompletionSources.Add(Completions.Clusters);
        var cluster = new Command("cluster", "Forget clusters that are offline, and free their names.") { names };
        cluster.Aliases.Add("clusters");
        runner.Attach(cluster, (run, cancellation) => RunAsync(run, run.Typed.GetValue(names) ?? [], cancellation));
        return new Command("delete", "Delete objects.") { cluster };
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string[] names, CancellationToken cancellation)
    {
        var found = new List<ClusterView>();
        foreach (var name in names.Distinct(StringComparer.Ordinal))
        {
            var cluster = await ClusterReader.OneAsync(run, name, cancellation).ConfigureAwait(false);
            if (cluster.Status == ClusterView.Online)
            {
                throw new CtlException(ExitCode.Failed, $"cluster '{name}' is online and would come back at once; stop its controller, then delete it");
            }

            found.Add(cluster);
        }

        foreach (var cluster in found)
        {
            await run.Api.DeleteAsync(Kinds.Clusters, null, cluster.Name, cancellation, cluster.Object.Uid()).ConfigureAwait(false);
            run.Out.Write(run.WantsObjects ? $"cluster.{Kinds.Clusters.Group}/{cluster.Name}\n" : $"cluster {cluster.Name} forgotten\n");
            if (cluster.IsRevoked)
            {
                var uid = cluster.Object.Text("spec", "uid") is { Length: > 0 } held ? held : "UID";
                run.Note($"what joined as {cluster.Name} stays shut out; {run.World.ProgramName} accept {cluster.Name} --uid {uid} lets it in again, or it joins as a new cluster, with a fresh data directory (--data) and a new join token");
            }
        }

        return ExitCode.Ok;
    }
}
