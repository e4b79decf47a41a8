using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Budgets;
using Ote.Ctl.Cli;
using Ote.Ctl.Placing;

namespace Ote.Ctl.Budgets;

/// <summary><c>otectl budget CLUSTER --rate 64Ki --daily 200Mi ...</c> and <c>otectl budget CLUSTER --none</c>.</summary>
internal static class BudgetCommand
{
    private static readonly string[] Fields = ["bytesPerSecond", "dailyBytes", "quietHours", "offset", "laneWeights"];
    private static readonly string[] Lanes = ["commands", "work", "reports", "bulk"];

    internal static Command Build(CommandRunner runner)
    {
        var name = Arguments.Cluster();
        var rate = Sizes.Option("--rate", "Bytes a second in each direction");
        var daily = Sizes.Option("--daily", "Bytes of both directions together a day; then only control messages and commands pass");
        var quiet = new Option<string[]>("--quiet") { HelpName = "HH:MM-HH:MM", Description = "When only control messages and commands pass; may be repeated" };
        var offset = new Option<string?>("--offset") { HelpName = "+HH:MM", Description = "The site's time less UTC, for days and quiet hours (default: +00:00)" };
        var weights = new Option<string?>("--weights") { HelpName = "LANE=N,...", Description = "How the lanes commands, work, reports and bulk share the link; 1 for one left out" };
        var none = new Option<bool>("--none") { Description = "Take the budget back" };
        return runner.Attach(
            new Command("budget", "Say what the link of a cluster to its parent may carry.") { name, rate, daily, quiet, offset, weights, none },
            (run, cancellation) =>
            {
                var typed = run.Typed;
                var budget = Read(typed.GetValue(rate), typed.GetValue(daily), typed.GetValue(quiet) ?? [], typed.GetValue(offset) ?? "", typed.GetValue(weights) ?? "");
                if (typed.GetValue(none) != budget.IsEmpty)
                {
                    throw new CtlException(ExitCode.Usage, "say either what the link may carry (--rate, --daily, --quiet, --weights) or --none");
                }

                return RunAsync(run, typed.GetValue(name)!, budget, cancellation);
            });
    }

    /// <summary>A budget on one line, for people.</summary>
    internal static string Text(LinkBudget budget)
    {
        var parts = new List<string>();
        if (budget.BytesPerSecond is { } rate)
        {
            parts.Add($"{Sizes.Format(rate)} bytes a second");
        }

        if (budget.DailyBytes is { } daily)
        {
            parts.Add($"{Sizes.Format(daily)} bytes a day");
        }

        if (budget.QuietHours.Count > 0)
        {
            parts.Add("quiet " + string.Join(" and ", budget.QuietHours));
        }

        if (budget.Offset != TimeSpan.Zero)
        {
            parts.Add("by UTC" + BudgetSpec.OffsetText(budget.Offset));
        }

        if (budget.LaneWeights is { } w)
        {
            parts.Add($"weights commands={w.Commands},work={w.Work},reports={w.Reports},bulk={w.Bulk}");
        }

        return parts.Count == 0 ? "anything" : string.Join(", ", parts);
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string name, LinkBudget budget, CancellationToken cancellation)
    {
        await PlacementPatch.WriteAsync(
            run,
            name,
            _ =>
            {
                var spec = BudgetSpec.ToJson(budget);
                foreach (var field in Fields)
                {
                    spec.TryAdd(field, null); // a merge patch would keep what it does not name
                }

                return new JsonObject { ["linkBudget"] = spec };
            },
            _ => $"the link of cluster {name} may carry {Text(budget)}",
            cancellation,
            atRoot: "it has no link to a parent").ConfigureAwait(false);
        return ExitCode.Ok;
    }

    private static LinkBudget Read(long? rate, long? daily, string[] quiet, string offset, string weights)
    {
        var hours = quiet.SelectMany(q => q.Split(',')).Select(text =>
            QuietHours.TryParse(text, out var read, out var wrong) ? read : throw new CtlException(ExitCode.Usage, $"--quiet: {wrong}")).ToArray();
        if (!BudgetSpec.TryReadOffset(offset, out var east, out var error))
        {
            throw new CtlException(ExitCode.Usage, $"--offset: {error}");
        }

        Sizes.Check("--rate", rate, LinkBudget.LeastBytesPerSecond, LinkBudget.MostBytesPerSecond);
        Sizes.Check("--daily", daily, LinkBudget.LeastDailyBytes, LinkBudget.MostDailyBytes);
        var budget = new LinkBudget { BytesPerSecond = rate, DailyBytes = daily, QuietHours = hours, Offset = east, LaneWeights = weights.Length == 0 ? null : Weights(weights) };
        var faults = string.Join("; ", budget.Faults());
        return faults.Length == 0 ? budget : throw new CtlException(ExitCode.Usage, $"{faults}; correct that, nothing was changed");
    }

    private static LaneWeights Weights(string text)
    {
        int[] weights = [1, 1, 1, 1];
        foreach (var part in text.Split(','))
        {
            var (lane, number) = part.Split('=') is [var left, var right] ? (Array.IndexOf(Lanes, left), right) : (-1, "");
            if (lane < 0 || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out weights[lane]))
            {
                throw new CtlException(ExitCode.Usage, $"--weights: '{part}' is no lane and weight; write for example commands=4,work=2,reports=1,bulk=1");
            }
        }

        return new LaneWeights(weights[0], weights[1], weights[2], weights[3]);
    }
}
