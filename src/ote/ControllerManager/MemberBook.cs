using System.Globalization;
using Ote.Kube.Resources;

namespace Ote.Roles.ControllerManager;

/// <summary>
/// What one member knows of all: who lives, by its own clock alone, which of their leases it may take for itself, and whether all divide clusters alike. Pure; one caller at a time.
/// </summary>
/// <param name="identity">Who this is, in this run.</param>
/// <param name="shards">Among how many shards it divides clusters.</param>
/// <param name="duration">How long others leave a lease alone that nobody renews.</param>
internal sealed class MemberBook(string identity, int shards, TimeSpan duration)
{
    private readonly Dictionary<int, (Member Member, long At)> _seen = [];

    /// <summary>Notes the members' leases as they stand.</summary>
    /// <param name="leases">All there are.</param>
    /// <param name="now">When, in milliseconds.</param>
    public void Note(IReadOnlyCollection<Member> leases, long now)
    {
        foreach (var gone in _seen.Keys.Except(leases.Select(m => m.Slot)).ToArray())
        {
            _seen.Remove(gone);
        }

        foreach (var member in leases)
        {
            if (!_seen.TryGetValue(member.Slot, out var known) || known.Member != member)
            {
                _seen[member.Slot] = (member, now);
            }
        }
    }

    /// <summary>Who lives, this one included once it has a lease; of two runs of one the later.</summary>
    public IReadOnlyList<Member> Living(long now) =>
    [
        .. _seen.Values.Where(s => s.Member.Lease.Holder.Length > 0 && (s.Member.Lease.Holder == identity || !IsOver(s, now)))
            .Select(s => s.Member).GroupBy(m => m.Id, StringComparer.Ordinal).Select(runs => runs.MaxBy(m => (m.Lease.Holder == identity, m.Lease.Term))!).OrderBy(m => m.Slot),
    ];

    /// <summary>The lease that this one has, or may take; null: all are others'.</summary>
    public int? Slot(long now) => _seen.Values.Where(s => s.Member.Lease.Holder == identity).Select(s => (int?)s.Member.Slot).FirstOrDefault()
        ?? Enumerable.Range(0, FleetLeases.MostMembers).Cast<int?>().FirstOrDefault(slot => !_seen.TryGetValue(slot!.Value, out var there) || there.Member.Lease.Holder.Length == 0 || IsOver(there, now));

    /// <summary>
    /// Why this one must not take part: the member that is there the longest divides clusters otherwise, and one cluster would be of two shards. Null: it may.
    /// </summary>
    public string? Against(long now) => Living(now).MinBy(m => (m.Lease.Term, m.Slot)) is { } eldest && eldest.Shards != shards
        ? string.Create(CultureInfo.InvariantCulture, $"the controller manager at {eldest.Lease.Address} divides clusters among {eldest.Shards} shards, and this one among {shards}: give all the same --shards")
        : null;

    private bool IsOver((Member Member, long At) seen, long now) =>
        now - seen.At >= (long)(seen.Member.Lease.Duration > duration ? seen.Member.Lease.Duration : duration).TotalMilliseconds;
}
