using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>
/// How fresh a cluster's word of the root is, and how far the root was when it came. Every link leads from a child to a parent that is
/// above what the child has told its own children, and what is told only ever rises while a process runs, so no cycle can form, whoever
/// moves at the same time: around a cycle each would be above itself. This is the feasibility rule of distance-vector routing with destination sequence numbers
/// (RFC 3561, section 6.2; RFC 6550, section 3.7).
/// </summary>
/// <param name="Beat">Counted by the root, over its restarts too; 0: never heard of one.</param>
/// <param name="Depth">Links from the root.</param>
public readonly record struct TreePosition(ulong Beat, uint Depth)
{
    /// <summary>Of a cluster that has never been attached: below everyone's.</summary>
    public static TreePosition None { get; } = new(0, uint.MaxValue);

    /// <summary>The position in a message; one that is left out is nobody's.</summary>
    public static TreePosition From(Wire.Position? position) => position is null ? None : new TreePosition(position.Beat, position.Depth);

    /// <summary>Whether a cluster with this position may be the parent of one with the other.</summary>
    public bool IsAbove(TreePosition other) => Beat > other.Beat || (Beat == other.Beat && Depth < other.Depth);

    /// <summary>The position of a child at the moment it attaches below this one.</summary>
    public TreePosition Below() => this with { Depth = Depth == uint.MaxValue ? Depth : Depth + 1 };

    /// <summary>The lowest position that is above this one; of the highest of all, itself.</summary>
    public TreePosition JustAbove() =>
        Depth > 0 ? this with { Depth = Depth - 1 } : Beat < ulong.MaxValue ? new TreePosition(Beat + 1, uint.MaxValue) : this;

    /// <summary>As it travels.</summary>
    public Wire.Position ToWire() => new() { Beat = Beat, Depth = Depth };

    /// <inheritdoc/>
    public override string ToString() => Depth == uint.MaxValue ? $"{Beat}/-" : $"{Beat}/{Depth}";
}
