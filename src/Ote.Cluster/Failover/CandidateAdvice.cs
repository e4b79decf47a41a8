using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>
/// Where the children of one parent shall go when they lose it: to its siblings, then to its own parent, then to each other. Each child
/// has a first choice of its own, dealt out so that all of them together fill the siblings evenly, counting the children these have
/// already; so a thousand orphans spread without asking anybody. Pure, immutable.
/// </summary>
internal sealed class CandidateAdvice
{
    /// <summary>Candidates one child is told.</summary>
    public const int Most = 16;

    private const int MostUncles = 8;
    private readonly IReadOnlyList<Candidate> _uncles;
    private readonly Candidate? _parent;
    private readonly IReadOnlyList<Candidate> _siblings;
    private readonly int[] _firstChoices;

    /// <summary>Deals out.</summary>
    /// <param name="slots">Children there are, or could be soon; slots from 0.</param>
    /// <param name="uncles">The parent's siblings.</param>
    /// <param name="parent">The parent's own parent; null at the root.</param>
    /// <param name="siblings">The parent's children that others could attach to.</param>
    public CandidateAdvice(int slots, IReadOnlyList<Candidate> uncles, Candidate? parent, IReadOnlyList<Candidate> siblings)
    {
        (_uncles, _parent, _siblings) = (uncles, parent, siblings);
        _firstChoices = Deal(slots, uncles);
    }

    /// <summary>What the child in a slot is told, or who would be one, best first; never itself.</summary>
    public IReadOnlyList<Candidate> For(int slot, string child)
    {
        var told = new List<Candidate>(Most);
        if (_uncles.Count > 0)
        {
            var first = slot < _firstChoices.Length ? _firstChoices[slot] : slot % _uncles.Count;
            for (var i = 0; i < Math.Min(_uncles.Count, MostUncles); i++)
            {
                var uncle = _uncles[(first + i) % _uncles.Count];
                if (uncle.Name != child)
                {
                    told.Add(uncle); // a sibling of the parent that asks is one itself
                }
            }
        }

        if (_parent is not null && _parent.Name != child)
        {
            told.Add(_parent);
        }

        for (var i = 0; i < _siblings.Count && told.Count < Most; i++)
        {
            var sibling = _siblings[(slot + i) % _siblings.Count];
            if (sibling.Name != child)
            {
                told.Add(sibling);
            }
        }

        return told;
    }

    private static int[] Deal(int slots, IReadOnlyList<Candidate> uncles)
    {
        var choices = new int[uncles.Count == 0 ? 0 : slots];
        var fill = new PriorityQueue<int, (uint Children, int Order)>();
        for (var i = 0; i < uncles.Count; i++)
        {
            fill.Enqueue(i, (uncles[i].Children, i));
        }

        for (var slot = 0; slot < choices.Length; slot++)
        {
            fill.TryDequeue(out var least, out var at);
            choices[slot] = least;
            fill.Enqueue(least, (at.Children + 1, at.Order));
        }

        return choices;
    }
}
