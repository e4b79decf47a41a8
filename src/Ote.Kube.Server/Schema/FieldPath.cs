using System.Globalization;

namespace Ote.Kube.Server.Schema;

/// <summary>
/// Where in an object a check stands, as errors name it. Null: nobody asks. Objects are nearly always right, so checks go through them without
/// paths, and once more with them when something was found.
/// </summary>
internal static class FieldPath
{
    /// <summary>The object itself.</summary>
    public const string Root = "";

    public static string? Field(string? path, string name) => path is null ? null : path.Length == 0 ? name : path + "." + name;

    public static string? Element(string? path, int index) => path is null ? null : string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]");
}
