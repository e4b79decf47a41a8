namespace Ote.EdgeHub.Upstream;

/// <summary>By what the next of several API servers is chosen. By any of them one that is doubted comes after the others, and one that is not up is not asked.</summary>
public enum Balance
{
    /// <summary>The one with the fewest requests under way, and in turn among equals.</summary>
    LeastPending = 0,

    /// <summary>Each in its turn.</summary>
    RoundRobin = 1,

    /// <summary>The first of the list, in the order in which they were named; what was begun elsewhere while it was away stays there.</summary>
    Priority = 2,
}
