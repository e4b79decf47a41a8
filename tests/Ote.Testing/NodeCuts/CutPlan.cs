namespace Ote.Testing.NodeCuts;

/// <summary>What is simulated. All else follows from the seed.</summary>
/// <param name="Seed">Of everything random.</param>
public sealed record CutPlan(int Seed)
{
    /// <summary>Times that something goes wrong, one after the other; each is a cut, a restart, or several of them at once.</summary>
    public int Troubles { get; init; } = 5;

    /// <summary>How long it may take, in virtual time, until all is well when nothing goes wrong any more.</summary>
    public TimeSpan Recovery { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>What is broken on purpose, to see that it is noticed.</summary>
    public Sabotage Sabotage { get; init; }

    /// <summary>Where the story and the hub's log go as they happen; null: nowhere.</summary>
    public TextWriter? Log { get; init; }
}
