using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Spectre.Console;

namespace Ote.Center.Up;

/// <summary>What a person sees of <c>up</c>: live on a terminal, plain lines elsewhere, standard error when standard output is for a program.</summary>
internal sealed class Screen
{
    /// <summary>How long nothing may be seen of something that goes on.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    private const int MostShown = 40;
    private const int MostCharacters = 600;
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(100);
    private static readonly string[] Stages = ["targets", "sent", "durable", "executed", "succeeded", "failed"];
    private readonly IAnsiConsole _console;
    private readonly TextWriter? _plain;

    public Screen(bool json)
    {
        var writer = json ? Console.Error : Console.Out;
        var terminal = json ? !Console.IsErrorRedirected : !Console.IsOutputRedirected;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!terminal)
        {
            _console.Profile.Width = 160;
            _plain = writer; // a line stays a line for a program or a file that reads it
        }

        IsLive = terminal && _console.Profile.Capabilities.Ansi;
    }

    /// <summary>Whether lines may be redrawn.</summary>
    public bool IsLive { get; }

    public void Line(string text)
    {
        if (_plain is not null)
        {
            _plain.WriteLine(text);
        }
        else
        {
            _console.WriteLine(text);
        }
    }

    public async Task ShowTreeAsync(KubeClient root, CancellationToken stop)
    {
        var clusters = (await root.ListAsync(Kinds.Clusters, null, null, stop).ConfigureAwait(false)).Items;
        var byParent = clusters.ToLookup(c => c.Text("status", "parentName") ?? "");
        var drawing = new Spectre.Console.Tree(Label(clusters.FirstOrDefault(c => c.Name() == "root")));
        AddBelow(drawing, "root", byParent);
        _console.Write(drawing);
    }

    /// <summary>Shows how far a command is until it is over; returns its last state.</summary>
    public async Task<JsonObject> FollowAsync(string title, Func<Task<JsonObject>> read, TimeProvider time, CancellationToken stop)
    {
        JsonObject state;
        if (!IsLive)
        {
            Line(title);
            var said = time.GetTimestamp();
            while ((state = await read().ConfigureAwait(false)).Text("status", "completionTime") is null)
            {
                if (time.GetElapsedTime(said) >= Silence)
                {
                    said = time.GetTimestamp();
                    Line($"  {string.Join("  ", Stages.Select(s => $"{s} {Count(state, s)}"))}; {state.Condition("Complete").Text("message") ?? "it has not been taken up yet"}");
                }

                await Task.Delay(Frame, time, stop).ConfigureAwait(false);
            }

            Line("  " + string.Join("  ", Stages.Select(s => $"{s} {Count(state, s)}")));
            return state;
        }

        state = await read().ConfigureAwait(false);
        await _console.Live(Draw(title, state)).StartAsync(async live =>
        {
            while (state.Text("status", "completionTime") is null)
            {
                live.UpdateTarget(Draw(title, state));
                await Task.Delay(Frame, time, stop).ConfigureAwait(false);
                state = await read().ConfigureAwait(false);
            }

            live.UpdateTarget(Draw(title, state));
        }).ConfigureAwait(false);
        return state;
    }

    public void ShowReady(SortedDictionary<string, string> ready, int all)
    {
        Line(string.Create(CultureInfo.InvariantCulture, $"nginx is fully ready in {all} of {Plural.Of(ready.Count, "cluster")}, as they answer themselves:"));
        Line("  " + string.Join("  ", ready.Take(MostShown).Select(r => $"{r.Key} {r.Value}")) + (ready.Count > MostShown ? $"  and {ready.Count - MostShown} more" : ""));
    }

    public void ShowOutcome(JobOutcome outcome, double seconds)
    {
        foreach (var failure in outcome.Failures.Take(MostShown))
        {
            // What a cluster answers may be long, and may hold anything: a line of it, shown as it is.
            var line = string.Join(' ', failure.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            _console.WriteLine(line.Length > MostCharacters ? line[..MostCharacters] + "..." : line, new Style(Color.Red));
        }

        Line(string.Create(CultureInfo.InvariantCulture, $"{outcome.Succeeded} of {Plural.Of(outcome.Targets, "cluster")} done, {seconds:f1} s from the start. The pods of embedded clusters are simulated."));
    }

    public void ShowWhatToTry(Tree tree)
    {
        Line("");
        Line($"The root's kubeconfig: {tree.Kubeconfig}");
        Line("Try:");
        Line($"  kubectl --kubeconfig {tree.Kubeconfig} get nodes,pods -A -o wide");
        Line($"  kubectl --kubeconfig {tree.Kubeconfig} get clusters -o wide");
        Line($"  kubectl --kubeconfig {tree.Kubeconfig} get ccs -A");
        Line(tree.FirstLeafKubeconfig is { } leaf
            ? $"  kubectl --kubeconfig {leaf} get deployments,pods -o wide"
            : $"  ./ote ctl --kubeconfig {tree.Kubeconfig} tree");
        Line("Ctrl-C ends it.");
    }

    private static Grid Draw(string title, JsonObject state)
    {
        var grid = new Grid().AddColumn();
        grid.AddRow(Markup.FromInterpolated($"[bold]{title}[/]"));
        var chart = new BreakdownChart().Width(60);
        long targets = Count(state, "targets"), good = Count(state, "succeeded"), bad = Count(state, "failed"), durable = Count(state, "durable");
        if (targets > 0)
        {
            chart.AddItem("succeeded", good, Color.Green);
            chart.AddItem("failed", bad, Color.Red);
            chart.AddItem("at the edge", Math.Max(0, durable - good - bad), Color.Blue);
            chart.AddItem("on the way", Math.Max(0, targets - Math.Max(durable, good + bad)), Color.Grey);
            grid.AddRow(chart);
        }

        return grid;
    }

    private static long Count(JsonObject state, string stage) => state.Whole("status", "targetCounts", stage) ?? 0;

    private static void AddBelow(IHasTreeNodes node, string parent, ILookup<string, JsonObject> byParent)
    {
        var children = byParent[parent].Where(c => c.Name() != parent).OrderBy(c => c.Name(), StringComparer.Ordinal).ToArray();
        foreach (var child in children.Take(MostShown))
        {
            AddBelow(node.AddNode(Label(child)), child.Name(), byParent);
        }

        if (children.Length > MostShown)
        {
            node.AddNode($"and {children.Length - MostShown} more");
        }
    }

    private static string Label(JsonObject? cluster)
    {
        if (cluster is null)
        {
            return "root";
        }

        var tags = string.Join(' ', cluster.Items("status", "tags")?.Select(t => t?.ToString() ?? "") ?? []);
        var state = cluster.Text("status", "status") ?? "unknown";
        return $"{Markup.Escape(cluster.Name())} [{(state == "online" ? "green" : "red")}]{Markup.Escape(state)}[/] [grey]{Markup.Escape(tags)}[/]";
    }
}
