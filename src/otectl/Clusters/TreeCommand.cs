using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;

namespace Ote.Ctl.Clusters;

/// <summary><c>otectl tree</c>.</summary>
internal static class TreeCommand
{
    internal static Command Build(CommandRunner runner) =>
        runner.Attach(new Command("tree", "Draw the tree of clusters, the root first."), RunAsync);

    private static async Task<ExitCode> RunAsync(Invocation run, CancellationToken cancellation)
    {
        var clusters = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
        if (run.WantsObjects)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, clusters.Select(cluster => cluster.Object)).ConfigureAwait(false);
            return ExitCode.Ok;
        }

        if (clusters.Count == 0)
        {
            run.Note($"no clusters have joined yet; {run.World.ProgramName} join-token create prints how one joins");
            return ExitCode.Ok;
        }

        var lines = TreeDrawing.Draw(clusters).ToArray();
        var width = lines.Max(line => line.Branch.Length + line.Name.Length);
        foreach (var line in lines)
        {
            run.Out.Write(Text(run, line, width).TrimEnd() + "\n");
        }

        return ExitCode.Ok;
    }

    private static string Text(Invocation run, TreeDrawing.Line line, int width)
    {
        var name = run.OutPaint.Faint(line.Branch) + run.OutPaint.Strong(line.Name);
        if (line.Cluster is not { } cluster)
        {
            return name;
        }

        var padding = new string(' ', width - line.Branch.Length - line.Name.Length);
        var tags = Cell.Printable(string.Join(',', cluster.Tags));
        var rest = run.Format == OutputFormat.Wide ? $"{tags}  {cluster.Listen}  {cluster.Version}" : tags;
        var status = run.OutPaint.State(cluster.Status) + new string(' ', Math.Max(0, 7 - cluster.Status.Length));
        return $"{name}{padding}  {status}  {rest}";
    }
}
