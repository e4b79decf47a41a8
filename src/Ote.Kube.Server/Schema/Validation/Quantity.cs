using System.Buffers;
using System.Globalization;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>Kubernetes quantities: <c>100m</c>, <c>1.5Gi</c>, <c>2e3</c>.</summary>
public static class Quantity
{
    private static readonly SearchValues<char> s_digits = SearchValues.Create("+-0123456789.");

    /// <summary>The value in base units. Exact for everything people write; rounded beyond 28 digits.</summary>
    public static bool TryParse(string text, out decimal value)
    {
        value = 0;
        int end = text.AsSpan().IndexOfAnyExcept(s_digits);
        ReadOnlySpan<char> number = end < 0 ? text : text.AsSpan(0, end);
        ReadOnlySpan<char> suffix = end < 0 ? default : text.AsSpan(end);
        if (!decimal.TryParse(number, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal amount))
            return false;
        try
        {
            if (suffix.Length > 1 && suffix[0] is 'e' or 'E' && int.TryParse(suffix[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int power))
            {
                value = amount * (decimal)Math.Pow(10, power);
                return true;
            }
            decimal factor = Factor(suffix);
            value = amount * factor;
            return factor > 0;
        }
        catch (OverflowException)
        {
            // Larger than any machine: well-formed all the same.
            value = decimal.MaxValue;
            return true;
        }
    }

    private static decimal Factor(ReadOnlySpan<char> suffix) => suffix switch
    {
        "" => 1m,
        "n" => 1e-9m,
        "u" => 1e-6m,
        "m" => 1e-3m,
        "k" => 1e3m,
        "M" => 1e6m,
        "G" => 1e9m,
        "T" => 1e12m,
        "P" => 1e15m,
        "E" => 1e18m,
        "Ki" => 1024m,
        "Mi" => 1024m * 1024,
        "Gi" => 1024m * 1024 * 1024,
        "Ti" => 1024m * 1024 * 1024 * 1024,
        "Pi" => 1024m * 1024 * 1024 * 1024 * 1024,
        "Ei" => 1024m * 1024 * 1024 * 1024 * 1024 * 1024,
        _ => 0,
    };
}
