using System.Reflection;

namespace Ote.Tests.Docs;

/// <summary>
/// The original product's defects that this one was built to be free of, by their numbers in its analysis: each has a test that carries the number as
/// <c>Trait("Defect", ...)</c>, so that it can be run alone (<c>./ote test --filter-trait Defect=T1</c>).
/// </summary>
public sealed class DefectTraitTests
{
    private static readonly string[] Named =
    [
        "T1", "T2", "T6", "T7", "T9", "T12", "T15", "S1", "S2", "S3", "S4", "M1", "M2", "M3", "M4", "M5", "M9", "M10", "M11", "M14", "P1", "P2", "P12", "R1", "R2", "R3", "R4", "R5",
    ];

    [Fact]
    public void Each_defect_that_is_to_be_gone_has_a_test_by_its_number_and_no_number_is_made_up()
    {
        var shown = typeof(DefectTraitTests).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => method.GetCustomAttributes<FactAttribute>().Any())
            .SelectMany(method => method.GetCustomAttributes<TraitAttribute>())
            .Where(trait => trait.Name == "Defect")
            .Select(trait => trait.Value);
        Assert.Equal(Named.Order(StringComparer.Ordinal), shown.Distinct().Order(StringComparer.Ordinal));
    }
}
