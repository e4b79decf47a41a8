namespace Ote.EdgeHub.Witness;

/// <summary>What a node says of another of its site: reached at once, missed only after several times in a row, so that one lost packet is nobody's death. Pure.</summary>
/// <param name="Sees">Whether it is reached; null: nothing is known yet.</param>
/// <param name="Missed">How many times in a row it was not.</param>
internal readonly record struct PeerSight(bool? Sees, int Missed)
{
    /// <summary>Times in a row.</summary>
    public const int Misses = 3;

    /// <summary>After it answered that its kubelet lives.</summary>
    public static PeerSight Reached => new(true, 0);

    /// <summary>After it did not.</summary>
    public PeerSight Miss() => Missed + 1 >= Misses ? new(false, Misses) : this with { Missed = Missed + 1 };
}
