using System.Globalization;

namespace Ote.Kube.Objects;

/// <summary>A number of things in words, for messages of conditions and of the command line: <c>1 target</c>, <c>4 targets</c>, <c>2 children</c>.</summary>
public static class Plural
{
    /// <summary>The number and the noun.</summary>
    /// <param name="number">How many.</param>
    /// <param name="noun">What one is called.</param>
    /// <param name="plural">What several are called, when that is not the noun with an s.</param>
    public static string Of(long number, string noun, string? plural = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {(number == 1 ? noun : plural ?? noun + "s")}");
}
