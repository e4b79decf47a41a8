using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Budgets;
using Ote.Ctl.Budgets;
using Ote.Ctl.Cli;
using Ote.Ctl.Commands;
using Ote.Ctl.Output;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary><c>otectl describe cluster NAME</c>.</summary>
internal static class DescribeClusterCommand
{
    private const int RecentShown = 10;
    private const int RecentSearched = 50;

    internal static Command Build(CommandRunner runner)
    {
        var name = new Argument<string>("NAME") { HelpName = "NAME", Description = "The cluster" };
        name.CompletionSources.Add(Completions.Clusters);
        var cluster = new Command("cluster", "Show everything known about one cluster.") { name };
        cluster.Aliases.Add("cs");
        runner.Attach(cluster, (run, cancellation) => RunAsync(run, run.Typed.GetValue(name)!, cancellation));
        return new Command("describe", "Show details of an object.") { cluster };
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string name, CancellationToken cancellation)
    {
        var cluster = await ClusterReader.OneAsync(run, name, cancellation).ConfigureAwait(false);
        cluster = cluster with { IsOld = run.Format != OutputFormat.Name && !await RootSign.IsThereAsync(run, cancellation).ConfigureAwait(false) };
        if (run.WantsObjects)
        {
            ObjectPrinter.One(run.Out, run.Format, cluster.Object);
            return ExitCode.Ok;
        }

        var all = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
        Fields(run, cluster, all.Where(other => other.Parent == name && other.Name != name).Select(other => other.Name));
        ConditionsOf(run, cluster);
        await RecentAsync(run, name, cancellation).ConfigureAwait(false);
        return ExitCode.Ok;
    }

    private static void Fields(Invocation run, ClusterView cluster, IEnumerable<string> children)
    {
        void Field(string name, Cell value) => run.Out.Write($"{name + ":",-14}{value.Shown}\n");
        Field("Name", cluster.Name);
        Field("UID", cluster.Uid);
        Field("Status", new Cell(cluster.Status, run.OutPaint.State));
        Field("Accepted", cluster.Object.Truth("spec", "accepted") switch { true => "yes", false => "no", null => "" });
        Field("Parent", cluster.Parent.Length > 0 && cluster.Object.Text("status", "parentSince") is { } since ? $"{cluster.Parent} since {since}" : cluster.Parent);
        Field("Preferred", cluster.PreferredParent);
        Field("Path", cluster.Path);
        Field("Children", string.Join(", ", children));
        if (cluster.PinnedParent.Length > 0)
        {
            Field("Pinned below", cluster.PinnedParent);
        }

        if (cluster.ForbiddenParents.Count > 0)
        {
            Field("Not below", string.Join(", ", cluster.ForbiddenParents));
        }

        Field("Tags", string.Join(", ", cluster.Tags));
        Field("Listen", cluster.Listen);
        Field("Version", cluster.Version);
        if (cluster.Object.Time("status", "certificate", "notAfter") is { } end)
        {
            Field("Certificate", $"ends at {end.ToKubeTime()}");
        }

        if (cluster.Object.At("spec", "issuing") is JsonObject leave)
        {
            Field("May let in", $"clusters named {leave.Text("namePattern") ?? "*"} until {leave.Text("until")}");
        }

        if (cluster.Object.At("spec", "linkBudget") is JsonObject spec)
        {
            Field("Link budget", BudgetSpec.TryRead(spec, out var budget, out var wrong) ? BudgetCommand.Text(budget) : "cannot be carried out: " + wrong);
            if (BudgetHold.Of(budget, cluster.Object.Condition("WithinLinkBudget").Text("status") == "False", run.Now) is { } hold)
            {
                Field("Held back", $"all but control messages and commands: {hold.Cause}, {hold.UntilText}");
            }
        }

        if (cluster.Object.At("status", "link") is JsonObject link)
        {
            Field("Link cost", Cost(link, run.Now));
        }

        LateralOf(run, cluster);
        Field("Created", cluster.Created is { } created ? $"{created.ToKubeTime()} ({Age.Since(created, run.Now)} ago)" : "");
    }

    /// <summary>With whom it may have lateral links, and how they are as it told last.</summary>
    private static void LateralOf(Invocation run, ClusterView cluster)
    {
        var allowed = (cluster.Object.Items("spec", "lateral") ?? []).OfType<JsonObject>().ToArray();
        var told = (cluster.Object.Items("status", "lateral") ?? []).OfType<JsonObject>().ToArray();
        foreach (var peer in allowed.Concat(told).Select(l => l.Text("peer") ?? "").Distinct().Order(StringComparer.Ordinal))
        {
            var link = told.FirstOrDefault(l => l.Text("peer") == peer);
            var subtree = allowed.FirstOrDefault(l => l.Text("peer") == peer).Truth("subtree") == true ? " and what is below it" : "";
            run.Out.Write($"{"Lateral:",-14}{peer}{subtree}: {(link is null ? "nothing told yet" : Lateral(link, run.Now))}\n");
        }
    }

    private static string Lateral(JsonObject link, DateTimeOffset now)
    {
        var text = link.Truth("up") == true ? "up" : link.Text("message") is { Length: > 0 } why ? $"down ({why})" : "down";
        if (link.Whole("roundTripMilliseconds") is { } trip)
        {
            text += string.Create(CultureInfo.InvariantCulture, $", round trip {trip} ms");
        }

        return $"{text}, {Sizes.Format(link.Whole("bytes") ?? 0)} bytes (told {Age.Since(link.Time("asOf"), now)} ago)";
    }

    private static string Cost(JsonObject link, DateTimeOffset now)
    {
        var today = link.Whole("bytesToday") ?? 0;
        var text = $"{Sizes.Format(today)} bytes today";
        if (link.Whole("dailyBytes") is { } cap)
        {
            text += $", {Sizes.Format(Math.Max(0, cap - today))} left of {Sizes.Format(cap)}";
        }

        if (link.Whole("savedToday") is > 0 and { } saved)
        {
            text += $", {Sizes.Format(saved)} saved by compression";
        }

        if (link.Whole("roundTripMilliseconds") is { } trip)
        {
            text += string.Create(CultureInfo.InvariantCulture, $", round trip {trip} ms");
        }

        return $"{text} (told {Age.Since(link.Time("asOf"), now)} ago)";
    }

    private static void ConditionsOf(Invocation run, ClusterView cluster)
    {
        var conditions = cluster.Object.Items("status", "conditions")?.OfType<System.Text.Json.Nodes.JsonObject>().ToArray() ?? [];
        if (conditions.Length == 0)
        {
            return;
        }

        var table = new TextTable("  TYPE", "STATUS", "REASON", "SINCE", "MESSAGE");
        foreach (var condition in conditions)
        {
            table.Add(
                "  " + condition.Text("type"),
                new Cell(condition.Text("status"), run.OutPaint.State),
                condition.Text("reason"),
                Age.Since(condition.Time("lastTransitionTime"), run.Now),
                condition.Text("message"));
        }

        run.Out.Write("Conditions:\n");
        table.WriteTo(run.Out);
    }

    private static async Task RecentAsync(Invocation run, string name, CancellationToken cancellation)
    {
        var commands = await run.Api.ListAsync(Kinds.ClusterControllers, run.Namespace, null, cancellation).ConfigureAwait(false);
        var table = new TextTable("  COMMAND", "SUBJECT", "OUTCOME", "CODE", "AGE", "ERROR");
        var shown = 0;
        foreach (var command in commands.Items.Select(item => new CommandView(item)).OrderByDescending(command => command.Created).Take(RecentSearched))
        {
            if (await AimedAtAsync(run, command, name, cancellation).ConfigureAwait(false) is not { } found)
            {
                continue;
            }

            table.Add(
                "  " + command.Name,
                command.Subject.Length > 0 ? command.Subject : $"{command.Method} {command.Url}",
                new Cell(found.Outcome?.Word ?? "waiting", run.OutPaint.State),
                found.Outcome is { Code: > 0 } answered ? answered.Code.ToString(CultureInfo.InvariantCulture) : "-",
                Age.Since(command.Created, run.Now),
                found.Outcome?.Describe());
            if (++shown == RecentShown)
            {
                break;
            }
        }

        run.Out.Write(shown == 0 ? "Commands:     <none>\n" : "Commands:\n");
        if (shown > 0)
        {
            table.WriteTo(run.Out);
        }
    }

    /// <summary>What became of a command at the cluster; null when the command was not meant for it.</summary>
    private static async Task<(Outcome? Outcome, bool Aimed)?> AimedAtAsync(Invocation run, CommandView command, string name, CancellationToken cancellation)
    {
        await foreach (var outcome in ResultPages.OutcomesAsync(run.Api, command, cancellation).ConfigureAwait(false))
        {
            if (outcome.Cluster == name)
            {
                return (outcome, true);
            }
        }

        await foreach (var target in ResultPages.TargetsAsync(run.Api, command, cancellation).ConfigureAwait(false))
        {
            if (target == name)
            {
                return (null, true);
            }
        }

        return null;
    }
}
