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
        "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12", "E13", "E14", "E15", "E16", "E18", "E19", "E20", "E21", "E22", "N1", "N2", "N3", "N4", "N5", "N6",
    ];

    /// <summary>Those that no test of one process shows, and why they cannot be here.</summary>
    private static readonly Dictionary<string, string> Elsewhere = new(StringComparer.Ordinal)
    {
        ["E17"] = "What threads share lies behind one lock each (NodeConnection, UpstreamServers, NodeDatabase, CacheScope): nothing is swapped beside it. ./ote simulate node runs a thousand sequences of cuts over it.",
        ["E23"] = "Signals are taken by PosixSignalRegistration, which loses none, and a stop cancels one token that everything waits by; SystemdInstallTests stops and starts a real one.",
        ["E24"] = "systemd starts a hub anew within a second, also one that hangs; it answers from its disk at once (SystemdInstallTests kills it). A kubelet can be led to its API server again by one file (docs/operate/edge-nodes.md).",
        ["N7"] = "An option that there is not is refused with the one that comes nearest (ExecutableTests), and PartitionOrDeathTests starts the edge controller as the documents say.",
    };

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
        Assert.Empty(Named.Intersect(Elsewhere.Keys));
        Assert.Equal(24 + 7, Named.Concat(Elsewhere.Keys).Count(defect => defect[0] is 'E' or 'N')); // all of the edge hub's and the edge controller's
    }
}
