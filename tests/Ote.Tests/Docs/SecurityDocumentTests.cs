using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Ote.Tests.Docs;

/// <summary>docs/operate/security.md names for each threat the tests that show what is done against it.</summary>
public sealed partial class SecurityDocumentTests
{
    private const string Stride = "STRIDE";
    private static readonly string Text = File.ReadAllText(PathOf());

    [Fact]
    public void Every_threat_names_tests_that_exist()
    {
        var tests = typeof(SecurityDocumentTests).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => method.GetCustomAttribute<FactAttribute>() is { Skip: null })
            .Select(method => $"{method.DeclaringType!.Name}.{method.Name}")
            .ToHashSet(StringComparer.Ordinal);
        var rows = Row().Matches(Text);
        Assert.True(rows.Count >= 40, $"only {rows.Count} threats were found");
        var named = rows.Select(row => (Threat: row.Groups[2].Value.Trim(), Tests: Quoted().Matches(row.Groups[3].Value).Select(m => m.Groups[1].Value).ToArray())).ToArray();
        Assert.Empty(named.Where(row => row.Tests.Length == 0).Select(row => row.Threat));
        Assert.Empty(named.SelectMany(row => row.Tests).Except(tests));
    }

    [Theory]
    [InlineData("Tunnel and joining")]
    [InlineData("Shim")]
    [InlineData("API")]
    [InlineData("CLI")]
    [InlineData("Files")]
    public void Every_surface_is_looked_at_from_all_six_sides(string surface)
    {
        var section = Text.Split($"### {surface}\n")[1].Split("\n#")[0];
        Assert.Empty(Stride.Except(Row().Matches(section).Select(row => row.Groups[1].Value[0])));
    }

    private static string PathOf([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "docs", "operate", "security.md");

    [GeneratedRegex(@"^\| ([STRIDE]) \| ([^|]*) \| [^|]* \| ([^|]*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();
}
