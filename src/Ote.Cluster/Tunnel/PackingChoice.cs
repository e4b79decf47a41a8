using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// Whether a message is worth compressing: only a large one, only where bytes are scarce, and on a lane whose messages did not pay some
/// times in a row only now and then. No clock, no randomness. Thread-safe.
/// </summary>
internal sealed class PackingChoice
{
    /// <summary>Smaller messages go as they are.</summary>
    public const int LeastBytes = 1024;

    /// <summary>So many in a row that did not pay, and a lane is tried less.</summary>
    public const int Misses = 4;

    /// <summary>Of a lane that is tried less, one in so many.</summary>
    public const int OneIn = 32;

    private static readonly TimeSpan Far = TimeSpan.FromMilliseconds(20);
    private readonly int[] misses = new int[Lanes.Count];
    private readonly int[] passed = new int[Lanes.Count];

    /// <summary>Whether bytes are scarce: somebody counts them, or the peer is far away.</summary>
    public static bool IsScarce(bool hasBudget, TimeSpan? roundTrip) => hasBudget || roundTrip >= Far;

    /// <summary>Whether to try with the next large message of a lane; say what came of it with <see cref="Tried"/>.</summary>
    public bool ShouldTry(int lane) => Volatile.Read(ref misses[lane]) < Misses || Interlocked.Increment(ref passed[lane]) % OneIn == 0;

    /// <summary>A message of the lane was compressed, and paid or did not.</summary>
    public void Tried(int lane, bool paid)
    {
        if (paid) Volatile.Write(ref misses[lane], 0);
        else if (Volatile.Read(ref misses[lane]) < Misses) Interlocked.Increment(ref misses[lane]);
    }
}
