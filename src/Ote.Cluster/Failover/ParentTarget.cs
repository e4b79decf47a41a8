using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>A parent that could be dialled. Immutable.</summary>
/// <param name="Authority"><c>host:port</c>, as <see cref="Uri.Authority"/> has it.</param>
/// <param name="IsHome">It is the parent this cluster was set up with.</param>
public sealed record ParentTarget(string Authority, bool IsHome)
{
    /// <summary>Where it is dialled: <c>https://host:port</c>. Made when asked for, since most targets are never dialled.</summary>
    public Uri Address => new($"https://{Authority}");

    /// <summary>Its name; empty while unknown, as that of an address an operator gave is until it has answered.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its uid, which whoever answers must prove; empty while unknown.</summary>
    public string Uid { get; init; } = "";

    /// <summary>From the root down to and including it, when last heard of.</summary>
    public IReadOnlyList<string> Path { get; init; } = [];

    /// <summary>How many children it had, when last heard of.</summary>
    public uint Children { get; init; }

    /// <summary>The target a candidate names; null when its address is none.</summary>
    /// <param name="candidate">As it was told.</param>
    /// <param name="once">Gives the same string for equal ones: candidates are neighbours, and most of their paths is the same; null: leaves them as they are.</param>
    internal static ParentTarget? From(Candidate candidate, Func<string, string>? once = null) =>
        Uri.TryCreate($"https://{candidate.Address}", UriKind.Absolute, out var address) && candidate.Name.Length > 0
            ? new ParentTarget(address.Authority, false) { Name = once?.Invoke(candidate.Name) ?? candidate.Name, Uid = candidate.Uid, Path = [.. once is null ? candidate.Path : candidate.Path.Select(once)], Children = candidate.Children }
            : null;

    /// <inheritdoc/>
    public override string ToString() => Name.Length > 0 ? $"{Name} ({Authority})" : Authority;
}

/// <summary>What to do about the missing link.</summary>
/// <param name="Target">Whom to dial now; null: nobody yet.</param>
/// <param name="Wait">How long to wait before asking again, when there is nobody.</param>
/// <param name="Patience">The share of the full time for dialling that this one is worth until its machine has answered, while there are others.</param>
/// <param name="IsHurried">That share is all it is worth, also when its machine answers: it has just been silent, and there are others.</param>
public readonly record struct ParentStep(ParentTarget? Target, TimeSpan Wait, double Patience = 1, bool IsHurried = false);
