using System.Globalization;

namespace Ote.Center.Up;

/// <summary>One cluster of the tree that <c>up</c> makes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parent">Its parent's name; null for the root.</param>
/// <param name="Tags">Its tags.</param>
/// <param name="Kubeconfig">Of the real cluster behind it; null: an embedded one, or none at mid levels.</param>
internal sealed record PlannedCluster(string Name, string? Parent, IReadOnlyList<string> Tags, string? Kubeconfig = null)
{
    /// <summary>Whether a cluster stands behind it.</summary>
    public bool IsLeaf => Tags.Contains("tier=edge");
}

/// <summary>
/// Lays the tree out: a root, mid levels for about fifty leaves each but at least two, and leaves, of which the first hundred go to the first
/// two in turn. Where a leaf hangs follows from its name alone, so a tree that grows leaves everyone where it was. Pure.
/// </summary>
internal static class TreePlan
{
    private const int LeavesPerRegion = 50;
    private static readonly string[] Regions = ["north", "south", "east", "west"];

    public static IReadOnlyList<PlannedCluster> Make(int leaves, IReadOnlyList<(string Name, string Kubeconfig)> real)
    {
        // A real cluster may have the name of an embedded one, whose number is left out then: so the last number says how many mid levels there are.
        var taken = real.Select(r => r.Name).ToHashSet(StringComparer.Ordinal);
        var numbers = Enumerable.Range(1, leaves + real.Count).Where(number => !taken.Contains(Embedded(number))).Take(leaves).ToArray();
        var regions = numbers.Length == 0 ? 2 : Math.Max(2, RegionOf(numbers[^1]) + 1);
        var plan = new List<PlannedCluster> { new("root", null, ["tier=cloud"]) };
        for (var i = 0; i < regions; i++)
        {
            plan.Add(new PlannedCluster(Region(i), "root", ["tier=region", $"region={Region(i)}"]));
        }

        plan.AddRange(real.Select(r => Leaf(r.Name, r.Name.Sum(static letter => letter) % 2, r.Kubeconfig)));
        plan.AddRange(numbers.Select(number => Leaf(Embedded(number), RegionOf(number), null)));
        return plan;
    }

    private static int RegionOf(int number) => number <= 2 * LeavesPerRegion ? (number - 1) % 2 : (number - 1) / LeavesPerRegion;

    private static string Embedded(int number) => string.Create(CultureInfo.InvariantCulture, $"c{number}");

    private static PlannedCluster Leaf(string name, int region, string? kubeconfig) =>
        new(name, Region(region), ["tier=edge", $"region={Region(region)}"], kubeconfig);

    private static string Region(int i) => i < Regions.Length ? Regions[i] : string.Create(CultureInfo.InvariantCulture, $"region-{i + 1}");
}
