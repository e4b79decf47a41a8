using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Routing;

/// <summary>What became of one cluster.</summary>
/// <param name="Before">What was known; null when it is new.</param>
/// <param name="After">What is known now; null when it is forgotten.</param>
public readonly record struct RouteChange(RouteEntry? Before, RouteEntry? After)
{
    /// <summary>The cluster.</summary>
    public string Name => (After ?? Before)!.Name;

    /// <summary>It was away or unknown and is online now.</summary>
    public bool CameOnline => After is { Online: true } && Before is not { Online: true };

    /// <summary>It has a newer attachment than the one that was known, to the same parent or another.</summary>
    public bool Reattached => After is { Online: true } && Before is not null && After.Epoch > Before.Epoch;
}

/// <summary>What an event did to a route table.</summary>
/// <param name="Changes">Clusters that are known differently now.</param>
/// <param name="Verdicts">Names that were refused, to be told to those who claimed them.</param>
/// <param name="NeedsSnapshot">A delta did not follow what was known: ask the child for all of it.</param>
/// <param name="Errors">Announcements that were dropped because they are invalid, for the log.</param>
public sealed record RouteStep(
    IReadOnlyList<RouteChange> Changes, IReadOnlyList<NameVerdict> Verdicts, bool NeedsSnapshot = false, IReadOnlyList<string>? Errors = null)
{
    /// <summary>What a child announced beyond all measure: its link is to be ended. Null when it did not.</summary>
    public string? Excess { get; init; }

    /// <summary>Children to be asked for all they know: of a name that is no longer taken they have said before that it is behind them.</summary>
    public IReadOnlyList<string> Ask { get; init; } = [];

    /// <summary>Links below that are older than another attachment of the same cluster: whoever holds one ends it.</summary>
    public IReadOnlyList<OutdatedLink> Outdated { get; init; } = [];

    /// <summary>Clusters that a child still tells of, as away, while they have attached elsewhere since: whoever goes on showing one there is to hear of it.</summary>
    public IReadOnlyList<MovedCluster> Moved { get; init; } = [];

    /// <summary>Clusters that an operator has forgotten and that a child goes on knowing: it is to hear of it.</summary>
    public IReadOnlyList<OutdatedLink> Forgotten { get; init; } = [];

    /// <summary>Nothing happened.</summary>
    public static RouteStep None { get; } = new([], []);
}

/// <summary>
/// A cluster that counts as attached behind a child, while it has attached elsewhere since: its old parent has not noticed yet, or its data
/// directory runs twice.
/// </summary>
/// <param name="Child">The direct child behind which the old parent is, or which is the cluster itself.</param>
/// <param name="Name">The cluster.</param>
/// <param name="Uid">Its uid.</param>
/// <param name="Epoch">Of its attachment elsewhere: links of no greater one are to end.</param>
public readonly record struct OutdatedLink(string Child, string Name, string Uid, ulong Epoch);

/// <summary>A cluster that counts as away behind a child, and has attached elsewhere since.</summary>
/// <param name="Child">The direct child behind which it is said to be.</param>
/// <param name="Name">The cluster.</param>
/// <param name="Uid">Its uid.</param>
/// <param name="Later">Where it hangs now.</param>
public readonly record struct MovedCluster(string Child, string Name, string Uid, LaterPlace Later);

/// <summary>What an event is doing to a route table.</summary>
internal sealed class RouteStepDraft
{
    public List<RouteChange> Changes { get; } = [];

    public List<NameVerdict> Verdicts { get; } = [];

    public List<string> Errors { get; } = [];

    public List<OutdatedLink> Outdated { get; } = [];

    public List<MovedCluster> Moved { get; } = [];

    public List<OutdatedLink> Forgotten { get; } = [];

    public RouteStep Finish() => new(Changes, Verdicts, false, Errors) { Outdated = Outdated, Moved = Moved, Forgotten = Forgotten };
}

/// <summary>How many clusters have one as their parent.</summary>
/// <param name="Attached">Those whose links are up.</param>
/// <param name="Moving">Those that were lost a moment ago and may be on their way to another parent.</param>
/// <param name="Away">Those that have been away for longer, and were last heard of below it.</param>
public readonly record struct ChildrenOf(int Attached, int Moving, int Away);

/// <summary>Whom a selector means.</summary>
/// <param name="Self">The own cluster is meant.</param>
/// <param name="ByNextHop">Direct child, and the names meant behind it (itself included).</param>
/// <param name="Unknown">Exact names that nobody here answers to.</param>
public sealed record RouteResolution(bool Self, IReadOnlyDictionary<string, IReadOnlyList<string>> ByNextHop, IReadOnlyList<string> Unknown)
{
    /// <summary>How many clusters are meant.</summary>
    public int Count => (Self ? 1 : 0) + ByNextHop.Sum(n => n.Value.Count);
}
