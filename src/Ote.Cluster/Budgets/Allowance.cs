using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Budgets;

/// <summary>Which lanes may send now. The default lets all send.</summary>
/// <param name="Held">Lanes that wait: a bit for each index of <see cref="Lanes"/>.</param>
/// <param name="Again">When that may change at the earliest, in milliseconds of the clock it was asked with; of no meaning when none waits.</param>
internal readonly record struct Allowance(int Held, long Again)
{
    /// <summary>All lanes but Control.</summary>
    public const int BelowControl = ((1 << Lanes.Count) - 1) & ~1;

    /// <summary>All lanes but Control and Commands.</summary>
    public const int BelowCommands = BelowControl & ~2;

    public bool Lets(int lane) => (Held & (1 << lane)) == 0;

    /// <summary>Holds more lanes, until a time at least.</summary>
    public Allowance Hold(int lanes, long until) => new(Held | lanes, Held == 0 ? until : Math.Min(Again, until));
}
