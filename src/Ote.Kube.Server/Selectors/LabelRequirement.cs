using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Selectors;

/// <summary>How a label requirement compares.</summary>
public enum LabelOperator
{
    /// <summary>The label is there and has one of the values.</summary>
    In,
    /// <summary>The label is absent or has none of the values.</summary>
    NotIn,
    /// <summary>The label is there.</summary>
    Exists,
    /// <summary>The label is absent.</summary>
    DoesNotExist,
    /// <summary>The label is there and a whole number above the value.</summary>
    GreaterThan,
    /// <summary>The label is there and a whole number below the value.</summary>
    LessThan,
}

/// <summary>One requirement of a label selector.</summary>
/// <param name="Key">The label's key.</param>
/// <param name="Operator">How to compare.</param>
/// <param name="Values">What to compare with: none for the existence operators, one for the ordering ones.</param>
public sealed record LabelRequirement(string Key, LabelOperator Operator, IReadOnlyList<string> Values)
{
    /// <summary>Whether the labels satisfy it; null stands for no labels.</summary>
    public bool Matches(JsonObject? labels)
    {
        string? actual = labels is not null && labels.TryGetPropertyValue(Key, out JsonNode? node) ? node.Text() ?? "" : null;
        return Operator switch
        {
            LabelOperator.In => actual is not null && Values.Contains(actual),
            LabelOperator.NotIn => actual is null || !Values.Contains(actual),
            LabelOperator.Exists => actual is not null,
            LabelOperator.DoesNotExist => actual is null,
            LabelOperator.GreaterThan => Ordered(actual, out long left, out long right) && left > right,
            _ => Ordered(actual, out long left, out long right) && left < right,
        };
    }

    /// <inheritdoc/>
    public override string ToString() => Operator switch
    {
        LabelOperator.In when Values.Count == 1 => $"{Key}={Values[0]}",
        LabelOperator.NotIn when Values.Count == 1 => $"{Key}!={Values[0]}",
        LabelOperator.In => $"{Key} in ({string.Join(',', Values)})",
        LabelOperator.NotIn => $"{Key} notin ({string.Join(',', Values)})",
        LabelOperator.Exists => Key,
        LabelOperator.DoesNotExist => "!" + Key,
        LabelOperator.GreaterThan => $"{Key}>{Values[0]}",
        _ => $"{Key}<{Values[0]}",
    };

    private bool Ordered(string? actual, out long left, out long right)
    {
        right = 0;
        return long.TryParse(actual, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out left)
            && long.TryParse(Values[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out right);
    }
}
