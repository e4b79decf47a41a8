using System.Globalization;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>How a quantity was written, and so how what is computed from it is.</summary>
internal enum AmountForm
{
    /// <summary>With k, M, G, m.</summary>
    Decimal,

    /// <summary>With Ki, Mi, Gi.</summary>
    Binary,

    /// <summary>With e3, e6, e-3.</summary>
    Exponent,
}

/// <summary>A Kubernetes quantity to compute with. Immutable.</summary>
/// <param name="Value">In base units: cores, bytes, pieces.</param>
/// <param name="Form">How it is written.</param>
internal readonly record struct Amount(decimal Value, AmountForm Form)
{
    private static readonly string[] s_binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

    // From nano to exa, each a thousand times the one before.
    private static readonly (decimal Unit, string Suffix, string Exponent)[] s_decimal =
    [
        (1e18m, "E", "e18"), (1e15m, "P", "e15"), (1e12m, "T", "e12"), (1e9m, "G", "e9"), (1e6m, "M", "e6"), (1e3m, "k", "e3"), (1m, "", ""),
        (1e-3m, "m", "e-3"), (1e-6m, "u", "e-6"), (1e-9m, "n", "e-9"),
    ];

    /// <summary>That many pieces.</summary>
    public static Amount Of(long count) => new(count, AmountForm.Decimal);

    /// <summary>Reads a text or a number; null when it is no quantity.</summary>
    public static Amount? Read(JsonNode? node)
    {
        string text = node.Scalar() ?? "";
        if (!Quantity.TryParse(text, out decimal value))
            return null;
        AmountForm form = text.EndsWith('i') ? AmountForm.Binary
            : text.AsSpan().IndexOfAny('e', 'E') is > 0 and var at && at < text.Length - 1 ? AmountForm.Exponent : AmountForm.Decimal;
        return new Amount(value, form);
    }

    /// <summary>All quantities of an object, by name; what is none is left out.</summary>
    public static Dictionary<string, Amount> ReadAll(JsonNode? resources)
    {
        Dictionary<string, Amount> all = new(StringComparer.Ordinal);
        foreach ((string name, JsonNode? value) in resources as JsonObject ?? [])
        {
            if (Read(value) is { } amount)
                all[name] = amount;
        }
        return all;
    }

    /// <summary>As an object of a status, sorted by name.</summary>
    public static JsonObject Write(IEnumerable<KeyValuePair<string, Amount>> amounts) =>
        new(amounts.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => KeyValuePair.Create<string, JsonNode?>(a.Key, a.Value.ToString())));

    /// <summary>The sum, in the form of the first unless that is nothing. What is beyond any machine stays so.</summary>
    public Amount Plus(Amount other) => new(Sum(Value, other.Value), Value == 0 ? other.Form : Form);

    /// <summary>What is left, which may be less than nothing.</summary>
    public Amount Minus(Amount other) => new(Sum(Value, -other.Value), Value == 0 ? other.Form : Form);

    /// <summary>As Kubernetes writes it: the largest unit of which it is a whole number.</summary>
    public override string ToString()
    {
        if (Value == 0)
            return "0";
        if (Form == AmountForm.Binary && Math.Abs(Value) >= 1024 && decimal.Truncate(Value) == Value)
        {
            decimal number = Value;
            int power = 0;
            for (; power < s_binary.Length - 1 && number % 1024 == 0; power++)
                number /= 1024;
            return number.ToString("0", CultureInfo.InvariantCulture) + s_binary[power];
        }
        (decimal unit, string suffix, string exponent) = Unit(Value);
        // Less than a nano counts as one: what is asked for is never rounded away.
        return decimal.Ceiling(Value / unit).ToString("0", CultureInfo.InvariantCulture) + (Form == AmountForm.Exponent ? exponent : suffix);
    }

    /// <summary>The largest of which a value is a whole number; a nano for what is none of any. Values beyond the range of smaller units are whole.</summary>
    private static (decimal Unit, string Suffix, string Exponent) Unit(decimal value) => s_decimal.FirstOrDefault(u => value % u.Unit == 0, s_decimal[^1]);

    private static decimal Sum(decimal a, decimal b)
    {
        try
        {
            return a + b;
        }
        catch (OverflowException)
        {
            return a > 0 ? decimal.MaxValue : decimal.MinValue;
        }
    }
}
