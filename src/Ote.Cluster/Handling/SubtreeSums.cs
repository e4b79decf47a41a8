using Ote.Cluster.Routing;
using Ote.Protocol.Reports;

namespace Ote.Cluster.Handling;

/// <summary>
/// What each cluster and all below it have together, of those that are online and whose managed cluster answers. What one tells is taken out of the sums above it and put in again as it changes, and a branch that moves takes its
/// sum along: nothing is added up anew. Thread-safe.
/// </summary>
internal sealed class SubtreeSums
{
    private const int MostLevels = 64;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Branch> _branches = new(StringComparer.Ordinal);

    /// <summary>Takes up how clusters are now; whoever is named is read anew, so that the order of several calls does not matter.</summary>
    /// <param name="names">Those that may have changed.</param>
    /// <param name="find">What is known of one now; null: nothing.</param>
    /// <returns>Those whose sums are others now.</returns>
    public IReadOnlyCollection<string> Update(IEnumerable<string> names, Func<string, RouteEntry?> find)
    {
        var changed = new HashSet<string>(StringComparer.Ordinal);
        lock (_gate)
        {
            // Those that move leave first: in between there is no way round in a circle.
            var entries = names.Distinct(StringComparer.Ordinal).Select(name => (Name: name, Entry: find(name))).ToArray();
            foreach (var (name, entry) in entries.Where(e => Parent(e.Entry) != (_branches.GetValueOrDefault(e.Name)?.Parent ?? "")))
            {
                Carry(name, -1, changed);
                At(name).Parent = "";
            }

            foreach (var (name, entry) in entries)
            {
                Tell(name, entry, changed);
            }

            foreach (var (name, entry) in entries.Where(e => Parent(e.Entry).Length > 0 && At(e.Name).Parent.Length == 0))
            {
                At(name).Parent = entry!.Parent;
                Carry(name, 1, changed);
            }

            foreach (var (name, _) in entries.Where(e => e.Entry is null && _branches.TryGetValue(e.Name, out var branch) && branch.Total.Clusters == 0))
            {
                _branches.Remove(name);
            }
        }

        return changed;
    }

    /// <summary>The sum of a cluster and all below it, and a number that is another one when the sum is; null when there is nothing below it. A copy.</summary>
    public (SubtreeSum Sum, long Version)? Of(string name)
    {
        lock (_gate)
        {
            return _branches.TryGetValue(name, out var branch) && branch.Total.Clusters > 1 ? (branch.Total.Copy(), branch.Version) : null;
        }
    }

    private static string Parent(RouteEntry? entry) => entry?.Parent ?? "";

    /// <summary>What counts of a cluster: what it had last before it went away, or before its managed cluster ceased to answer, is marked as old wherever it is shown, and in no sum.</summary>
    private static ClusterSummary? Current(RouteEntry? entry) => entry is { Online: true, Local: { IsReachable: true, Figures: var figures } } ? figures : null;

    private static SubtreeSum Share(RouteEntry? entry)
    {
        var share = new SubtreeSum();
        if (entry is not null)
        {
            share.Clusters = 1;
            share.Online = entry.Online ? 1 : 0;
            if (Current(entry) is { } figures)
            {
                share.Add(figures);
            }
        }

        return share;
    }

    private Branch At(string name)
    {
        if (!_branches.TryGetValue(name, out var branch))
        {
            _branches[name] = branch = new Branch();
        }

        return branch;
    }

    private void Tell(string name, RouteEntry? entry, HashSet<string> changed)
    {
        var figures = Current(entry);
        if (_branches.TryGetValue(name, out var branch) && branch.IsKnown == entry is not null && branch.IsOnline == (entry?.Online == true) && Equals(branch.Figures, figures))
        {
            return;
        }

        branch ??= At(name);
        var delta = Share(entry);
        delta.Add(branch.Own, -1);
        (branch.Own, branch.Figures, branch.IsKnown, branch.IsOnline) = (Share(entry), figures, entry is not null, entry?.Online == true);
        Spread(name, delta, 1, changed);
    }

    /// <summary>Puts a branch's sum into those above it, or takes it out.</summary>
    private void Carry(string name, int sign, HashSet<string> changed)
    {
        if (_branches.TryGetValue(name, out var branch) && branch.Parent.Length > 0)
        {
            Spread(branch.Parent, branch.Total, sign, changed);
        }
    }

    private void Spread(string from, SubtreeSum delta, int sign, HashSet<string> changed)
    {
        var at = from;
        for (var levels = 0; levels < MostLevels && at.Length > 0; levels++)
        {
            var branch = At(at); // of a parent that is not known yet too: its children's sum waits for it
            branch.Total.Add(delta, sign);
            branch.Version++;
            changed.Add(at);
            at = branch.Parent;
        }
    }

    private sealed class Branch
    {
        public string Parent { get; set; } = "";

        public bool IsKnown { get; set; }

        public bool IsOnline { get; set; }

        public ClusterSummary? Figures { get; set; }

        public SubtreeSum Own { get; set; } = new();

        public SubtreeSum Total { get; } = new();

        public long Version { get; set; }
    }
}
