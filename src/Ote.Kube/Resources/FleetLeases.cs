using System.Globalization;

namespace Ote.Kube.Resources;

/// <summary>The leases of controller managers, in the namespace of the root: fixed names, so that rights can be on these alone.</summary>
public static class FleetLeases
{
    /// <summary>Most shards.</summary>
    public const int MostShards = 32;

    /// <summary>Most controller managers of one tree.</summary>
    public const int MostMembers = 16;

    /// <summary>Whose holder the API server is led to.</summary>
    public const string Entry = "ote-controller-manager";

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> All { get; } = [Entry, .. Enumerable.Range(0, MostMembers).Select(Member), .. Enumerable.Range(0, MostShards).Select(Shard)];

    /// <summary>By which the holder of a shard is known.</summary>
    public static string Shard(int shard) => string.Create(CultureInfo.InvariantCulture, $"ote-mirror-{shard}");

    /// <summary>By which one controller manager is known to live.</summary>
    public static string Member(int slot) => string.Create(CultureInfo.InvariantCulture, $"ote-manager-{slot}");
}
