using System.Collections.Concurrent;

namespace Ote.Controllers.EdgeNodes;

/// <summary>
/// Which witnesses miss a node whose kubelet is heard all the while, since a firewall is between them, say: that they miss it when it is not heard either says nothing of its life. Who missed it so goes on being no witness of it until it reaches it. Thread-safe for different nodes.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class BlindWitnesses(TimeProvider time)
{
    /// <summary>A kubelet that was heard so long after it was missed lived then: its last word before its death, and the witness's after it, may come by different ways.</summary>
    public static readonly TimeSpan Margin = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<(string Node, string Witness), long> _missed = new(); // since when, without a break

    /// <summary>Those of a node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="votes">What its site says now.</param>
    /// <param name="hearing">When its kubelet was heard.</param>
    /// <param name="known">Those that were so at the last look, by whichever replica; one that says nothing now stays so.</param>
    /// <returns>In the order of their names.</returns>
    public IReadOnlyList<string> Of(string node, IReadOnlyList<WitnessVote> votes, Hearing hearing, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(votes);
        ArgumentNullException.ThrowIfNull(hearing);
        var blind = new SortedSet<string>(known, StringComparer.Ordinal);
        foreach (var vote in votes)
        {
            if (vote.Sees)
            {
                _missed.TryRemove((node, vote.Node), out _);
                blind.Remove(vote.Node);
            }
            else if (time.GetElapsedTime(_missed.GetOrAdd((node, vote.Node), _ => time.GetTimestamp())) - hearing.Since >= Margin && hearing is { IsHeard: true, IsKept: false })
            {
                blind.Add(vote.Node);
            }
        }

        return [.. blind];
    }

    /// <summary>Forgets what was seen of nodes that are gone.</summary>
    /// <param name="nodes">Those that are there.</param>
    public void Retain(IReadOnlySet<string> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        foreach (var gone in _missed.Keys.Where(pair => !nodes.Contains(pair.Node) || !nodes.Contains(pair.Witness)))
        {
            _missed.TryRemove(gone, out _);
        }
    }
}
