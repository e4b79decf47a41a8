namespace Ote.Cluster.Failover;

/// <summary>
/// Where one cluster stands: its position, what it has told of it, whether it is attached, and the rules by which all that may change.
/// What was told binds: whatever hangs below this cluster stands below that, so a parent that stands above it is none of them. It never
/// falls. Pure; one owner.
/// </summary>
internal sealed class TreeStanding
{
    private bool _frozen;

    /// <summary>The own position now; never below <see cref="Told"/>.</summary>
    public TreePosition Position { get; private set; } = TreePosition.None;

    /// <summary>The highest position told to children; a cluster without children has told none, and may attach anywhere.</summary>
    public TreePosition Told { get; private set; } = TreePosition.None;

    /// <summary>Whether a parent has it now.</summary>
    public bool IsAttached { get; private set; }

    /// <summary>The root is at the top, with a beat that grows, over its restarts too.</summary>
    public void Root(ulong beat) => (Position, IsAttached) = (new TreePosition(beat, 0), true);

    /// <summary>The position, to be told to a child.</summary>
    public TreePosition Tell() => Told = Position;

    /// <summary>
    /// Attaches below a parent, if that can close no cycle. The child decides this last, by what it has told up to this very moment; what
    /// the parent told may be a little old, but can only have risen since.
    /// </summary>
    public bool TryAttach(TreePosition parent)
    {
        if (!parent.IsAbove(Told))
        {
            return false;
        }

        (Position, IsAttached, _frozen) = (parent.Below(), true, false);
        return true;
    }

    /// <summary>The parent's position has risen, and so has the own one, unless a move is being prepared.</summary>
    /// <returns>Whether anything changed.</returns>
    public bool ParentRose(TreePosition parent)
    {
        if (!IsAttached || _frozen || !parent.Below().IsAbove(Position))
        {
            return false;
        }

        Position = parent.Below();
        return true;
    }

    /// <summary>The link to the parent is gone; the position stays as it was.</summary>
    public void Detach() => IsAttached = false;

    /// <summary>
    /// Holds the position while attached, so that a parent that is not above can come to be: its word of the root becomes newer than
    /// the one held here.
    /// </summary>
    public void Freeze() => _frozen = true;

    /// <summary>No move is prepared any more.</summary>
    public void Thaw() => _frozen = false;

    /// <summary>
    /// Whether a child may attach here. A cluster without a parent may rise above a child that calls it home: nothing hangs above it, so
    /// none of its own descendants is met on the way up. That is how a subtree grows together again while the root is away; strangers
    /// are not taken, or orphans would attach to each other instead of looking on.
    /// </summary>
    /// <param name="child">The position the child has told its own children.</param>
    /// <param name="home">The child was set up with this parent.</param>
    public bool TryAdmit(TreePosition child, bool home)
    {
        if (!Position.IsAbove(child) && home && !IsAttached && child.JustAbove() is var above && above.IsAbove(child))
        {
            Position = above;
        }

        return Position.IsAbove(child);
    }
}
