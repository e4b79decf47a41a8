using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace Ote.Mirror.Applying;

/// <summary>
/// The name under which an object of a cluster is shown: <c>NAME-CLUSTER</c>, as the original platform has it. It is a name only: who an object is says its
/// cluster, kind, namespace and own name, and two that would be shown alike are told apart by a mark.
/// </summary>
public static class MirroredName
{
    /// <summary>Kubernetes' longest name of an object, in bytes.</summary>
    public const int MostBytes = 253;

    private const int MarkLength = 9; // with its dash

    /// <summary>The name, if nothing else has it.</summary>
    public static string Of(string name, string cluster)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(cluster);
        var length = name.Length + 1 + cluster.Length;
        return length <= MostBytes ? $"{name}-{cluster}" : Marked(name, cluster);
    }

    /// <summary>The name with a mark of what it stands for, 32 bits of XXH3: for when another has <see cref="Of"/>, or that would be too long.</summary>
    public static string Marked(string name, string cluster)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(cluster);
        var mark = (uint)XxHash3.HashToUInt64(Encoding.UTF8.GetBytes($"{cluster}/{name}"));
        var room = MostBytes - 1 - cluster.Length - MarkLength;
        return string.Create(CultureInfo.InvariantCulture, $"{(name.Length <= room ? name : name[..room].TrimEnd('-', '.'))}-{cluster}-{mark:x8}");
    }
}
