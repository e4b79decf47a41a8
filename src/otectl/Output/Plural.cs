using System.Globalization;

namespace Ote.Ctl.Output;

/// <summary>A number of things in words: <c>1 target</c>, <c>4 targets</c>.</summary>
internal static class Plural
{
    internal static string Of(long number, string noun) => string.Create(CultureInfo.InvariantCulture, $"{number} {noun}{(number == 1 ? "" : "s")}");
}
