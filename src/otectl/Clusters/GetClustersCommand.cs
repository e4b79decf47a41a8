using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary><c>otectl get clusters [NAME...]</c>.</summary>
internal static class GetClustersCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var names = new Argument<string[]>("NAME") { HelpName = "NAME", Description = "Only these clusters", Arity = ArgumentArity.ZeroOrMore };
        names.CompletionSources.Add(Completions.Clusters);
        var tags = new Option<string[]>("--tag")
        {
            Description = "Only clusters with this tag: KEY for any value, KEY=VALUE for one; may be repeated, all must hold",
            HelpName = "TAG",
        };
        var clusters = new Command("clusters", "List clusters: name, parent, status and age; -o wide adds remarks, the local cluster, nodes, pods, lag, tags, path, address and version.") { names, tags };
        clusters.Aliases.Add("cluster");
        clusters.Aliases.Add("cs");
        clusters.Aliases.Add($"{Kinds.Clusters.Plural}.{Kinds.Clusters.Group}");
        runner.Attach(clusters, (run, cancellation) => RunAsync(run, run.Typed.GetValue(names) ?? [], run.Typed.GetValue(tags) ?? [], cancellation));
        return clusters;
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string[] names, string[] tags, CancellationToken cancellation)
    {
        names = [.. names.Select(ClusterReader.Bare)];
        var all = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
        if (names.FirstOrDefault(name => !all.Any(cluster => cluster.Name == name)) is { } missing)
        {
            throw ClusterReader.Unknown(run, missing, all);
        }

        var chosen = all
            .Where(cluster => names.Length == 0 || names.Contains(cluster.Name))
            .Where(cluster => tags.All(tag => HasTag(cluster, tag)))
            .ToArray();
        var isOld = chosen.Length > 0 && run.Format != OutputFormat.Name && !await RootSign.IsThereAsync(run, cancellation).ConfigureAwait(false);
        if (run.WantsObjects)
        {
            if (names.Length == 1 && chosen is [var only])
            {
                ObjectPrinter.One(run.Out, run.Format, only.Object);
            }
            else
            {
                await ObjectPrinter.ListAsync(run.Out, run.Format, chosen.Select(cluster => cluster.Object)).ConfigureAwait(false);
            }

            return ExitCode.Ok;
        }

        if (chosen.Length == 0)
        {
            run.Note(all.Count == 0
                ? $"no clusters have joined yet; {run.World.ProgramName} join-token create prints how one joins"
                : $"none of {Plural.Of(all.Count, "cluster")} has {string.Join(" and ", tags)}");
            return ExitCode.Ok;
        }

        Table(run, chosen.Select(cluster => cluster with { IsOld = isOld })).WriteTo(run.Out);
        return ExitCode.Ok;
    }

    private static TextTable Table(Invocation run, IEnumerable<ClusterView> clusters)
    {
        var wide = run.Format == OutputFormat.Wide;
        var table = wide
            ? new TextTable("NAME", "PARENT", "STATUS", "REMARKS", "LOCAL", "NODES", "PODS", "LAG", "PREFERRED", "ACCEPTED", "TAGS", "PATH", "LISTEN", "VERSION", "AGE")
            : new TextTable("NAME", "PARENT", "STATUS", "AGE");
        foreach (var cluster in clusters)
        {
            var status = new Cell(cluster.Status, run.OutPaint.State);
            var age = Age.Since(cluster.Created, run.Now);
            if (wide)
            {
                table.Add(
                    cluster.Name, cluster.Parent, status, cluster.Remarks, new Cell(cluster.Local, run.OutPaint.State), cluster.Nodes, cluster.Pods, cluster.Lag, cluster.PreferredParent, Accepted(cluster),
                    string.Join(',', cluster.Tags), cluster.Path, cluster.Listen, cluster.Version, age);
            }
            else
            {
                table.Add(cluster.Name, cluster.Parent, status, age);
            }
        }

        return table;
    }

    private static string Accepted(ClusterView cluster) => cluster.Object.Truth("spec", "accepted") switch { true => "true", false => "false", null => "" };

    private static bool HasTag(ClusterView cluster, string tag) =>
        tag.Contains('=', StringComparison.Ordinal)
            ? cluster.Tags.Contains(tag)
            : cluster.Tags.Any(has => has == tag || has.StartsWith(tag + "=", StringComparison.Ordinal));
}
