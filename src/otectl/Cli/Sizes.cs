using System.CommandLine;
using System.Globalization;

namespace Ote.Ctl.Cli;

/// <summary>Numbers of bytes as people write them, in Kubernetes' way: <c>64Ki</c>, <c>200Mi</c>, <c>1Gi</c>, <c>500k</c>.</summary>
internal static class Sizes
{
    private static readonly (string Unit, long Bytes)[] Units =
        [("Ti", 1L << 40), ("Gi", 1L << 30), ("Mi", 1L << 20), ("Ki", 1L << 10), ("T", 1_000_000_000_000), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000), ("", 1)];

    /// <summary>An option that takes a number of bytes; null when it was not given.</summary>
    internal static Option<long?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "BYTES",
        CustomParser = result =>
        {
            if (!TryParse(result.Tokens[0].Value, out var bytes))
            {
                result.AddError($"{name}: '{result.Tokens[0].Value}' is no number of bytes; write for example 64Ki, 200Mi or 1Gi");
            }

            return bytes;
        },
    };

    /// <summary>Fails when a number of bytes is out of range; the option's name stands in the error.</summary>
    /// <exception cref="CtlException">It is.</exception>
    internal static void Check(string option, long? bytes, long least, long most)
    {
        if (bytes < least || bytes > most)
        {
            throw new CtlException(ExitCode.Usage, string.Create(CultureInfo.InvariantCulture, $"{option}: {bytes} bytes is not between {Format(least)} and {Format(most)}"));
        }
    }

    /// <summary>Reads a whole number with a unit or without.</summary>
    internal static bool TryParse(string text, out long bytes)
    {
        var (unit, factor) = Units.First(u => text.EndsWith(u.Unit, StringComparison.Ordinal));
        bytes = 0;
        if (!long.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue / factor)
        {
            return false;
        }

        bytes = number * factor;
        return true;
    }

    /// <summary>For people: with the largest unit of which there is one, to a tenth when it is not whole.</summary>
    internal static string Format(long bytes)
    {
        var (unit, factor) = Units.FirstOrDefault(u => u.Unit.EndsWith('i') && bytes >= u.Bytes, ("", 1));
        return (bytes / (double)factor).ToString("0.#", CultureInfo.InvariantCulture) + unit;
    }
}
