using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Budgets;

/// <summary>Between <see cref="LinkBudget"/> and <c>spec.linkBudget</c> of a <c>Cluster</c>. Pure.</summary>
public static class BudgetSpec
{
    /// <summary>Reads it; the API has checked most of it, but not every API and not all.</summary>
    /// <returns>False with all that is wrong.</returns>
    public static bool TryRead(JsonObject spec, [NotNullWhen(true)] out LinkBudget? budget, [NotNullWhen(false)] out string? error)
    {
        var faults = new List<string>();
        var quiet = new List<QuietHours>();
        foreach (var text in spec.Items("quietHours")?.Select(h => h?.ToString() ?? "") ?? [])
        {
            if (QuietHours.TryParse(text, out var hours, out var fault))
            {
                quiet.Add(hours);
            }
            else
            {
                faults.Add(fault);
            }
        }

        if (!TryReadOffset(spec.Text("offset") ?? "", out var offset, out var wrong))
        {
            faults.Add(wrong);
        }

        budget = new LinkBudget
        {
            BytesPerSecond = spec.Whole("bytesPerSecond"),
            DailyBytes = spec.Whole("dailyBytes"),
            QuietHours = quiet,
            Offset = offset,
            LaneWeights = spec["laneWeights"] is JsonObject w ? new LaneWeights(Weight(w, "commands"), Weight(w, "work"), Weight(w, "reports"), Weight(w, "bulk")) : null,
        };
        faults.AddRange(budget.Faults());
        error = faults.Count == 0 ? null : string.Join("; ", faults);
        budget = error is null ? budget : null;
        return error is null;
    }

    /// <summary>Writes it; a budget that limits nothing is an empty object.</summary>
    public static JsonObject ToJson(LinkBudget budget)
    {
        ArgumentNullException.ThrowIfNull(budget);
        var spec = new JsonObject();
        if (budget.BytesPerSecond is { } rate)
        {
            spec["bytesPerSecond"] = rate;
        }

        if (budget.DailyBytes is { } daily)
        {
            spec["dailyBytes"] = daily;
        }

        if (budget.QuietHours.Count > 0)
        {
            spec["quietHours"] = new JsonArray([.. budget.QuietHours.Select(h => (JsonNode)h.ToString())]);
        }

        if (budget.Offset != TimeSpan.Zero)
        {
            spec["offset"] = OffsetText(budget.Offset);
        }

        if (budget.LaneWeights is { } w)
        {
            spec["laneWeights"] = new JsonObject { ["commands"] = w.Commands, ["work"] = w.Work, ["reports"] = w.Reports, ["bulk"] = w.Bulk };
        }

        return spec;
    }

    /// <summary>Reads <c>+08:00</c>; nothing is UTC.</summary>
    public static bool TryReadOffset(string text, out TimeSpan offset, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        (offset, error) = (TimeSpan.Zero, null);
        if (text.Length == 0)
        {
            return true;
        }

        if (text[0] is '+' or '-' && TimeOnly.TryParseExact(text.AsSpan(1), "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var size) && size <= new TimeOnly(14, 0))
        {
            offset = text[0] == '-' ? -size.ToTimeSpan() : size.ToTimeSpan();
            return true;
        }

        error = $"'{text}' is no offset from UTC; write -14:00 to +14:00, for example +08:00";
        return false;
    }

    /// <summary>As <see cref="TryReadOffset"/> reads it.</summary>
    public static string OffsetText(TimeSpan offset) => (offset < TimeSpan.Zero ? "-" : "+") + offset.Duration().ToString(@"hh\:mm", CultureInfo.InvariantCulture);

    // A lane that is left out has the smallest weight, so that none starves.
    private static int Weight(JsonObject weights, string lane) => (int)Math.Clamp(weights.Whole(lane) ?? 1, int.MinValue, int.MaxValue);
}
