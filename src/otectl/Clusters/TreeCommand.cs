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
        if (clusters.Count > 0 && run.Format != OutputFormat.Name && !await RootSign.IsThereAsync(run, cancellation).ConfigureAwait(false))
        {
            clusters = [.. clusters.Select(cluster => cluster with { IsOld = true })];
        }

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

        var remarked = clusters.Any(cluster => cluster.Remarks.Length > 0);
        var rows = TreeDrawing.Draw(clusters).Select(line => Row(run, line, remarked)).ToArray();
        var widths = Enumerable.Range(0, rows.Max(row => row.Length)).Select(i => rows.Max(row => i < row.Length ? row[i].Plain.Length : 0)).ToArray();
        foreach (var row in rows)
        {
            run.Out.Write(string.Join("  ", row.Select((cell, i) => cell.Shown + new string(' ', widths[i] - cell.Plain.Length))).TrimEnd() + "\n");
        }

        return ExitCode.Ok;
    }

    /// <summary>The columns of one line, each as it is measured and as it is shown.</summary>
    private static (string Plain, string Shown)[] Row(Invocation run, TreeDrawing.Line line, bool remarked)
    {
        var name = (line.Branch + line.Name, run.OutPaint.Faint(line.Branch) + run.OutPaint.Strong(line.Name));
        if (line.Cluster is not { } cluster)
        {
            return [name];
        }

        static (string, string) Plain(string text) => (Cell.Printable(text), Cell.Printable(text));
        (string, string)[] always = [name, (cluster.Status, run.OutPaint.State(cluster.Status)), .. remarked ? [Plain(cluster.Remarks)] : Array.Empty<(string, string)>(), Plain(string.Join(',', cluster.Tags))];
        return run.Format == OutputFormat.Wide ? [.. always, Plain(cluster.Listen), Plain(cluster.Version)] : always;
    }
}
