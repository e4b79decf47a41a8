using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>
/// A set of fields of an object, as a tree: whether a step is a member says nothing of the steps below it. Immutable to its users; what an operation
/// leaves as it was stays the same instance. A set made of a stored document is unfolded only where it is looked into, so it belongs to one thread.
/// </summary>
internal sealed class FieldSet
{
    private readonly JsonObject? _document;
    private List<Branch>? _branches;

    private FieldSet(List<Branch> branches) => _branches = branches;

    private FieldSet(JsonObject document) => _document = document;

    /// <summary>A step, whether the set has it, and what the set has below it.</summary>
    internal readonly record struct Branch(PathElement Element, bool IsMember, FieldSet Below);

    public static FieldSet Empty { get; } = new((List<Branch>)[]);

    // A document that is kept unread has something in it.
    public bool IsEmpty => _branches is { Count: 0 };

    /// <summary>The document that the set was made of and still equals; null when there is none.</summary>
    internal JsonObject? Document => _document;

    /// <summary>Sorted, none of them dead.</summary>
    internal ReadOnlySpan<Branch> Branches => CollectionsMarshal.AsSpan(_branches ??= Unfold(_document!));

    /// <summary>A set of branches that may still be unsorted; each step occurs once. The list becomes the set's own.</summary>
    public static FieldSet Of(List<Branch>? branches)
    {
        if (branches is null || branches.Count == 0)
            return Empty;
        Sort(branches);
        return new FieldSet(branches);
    }

    /// <summary>The set with one member at the end of a path.</summary>
    public static FieldSet Of(params ReadOnlySpan<PathElement> path)
    {
        FieldSet set = Empty;
        for (int i = path.Length - 1; i >= 0; i--)
            set = new FieldSet([new Branch(path[i], i == path.Length - 1, set)]);
        return set;
    }

    /// <summary>The set that a document states which this server wrote. One from elsewhere goes through <see cref="FieldsV1"/>.</summary>
    public static FieldSet OfStored(JsonObject document) => document.Count == 0 ? Empty : new FieldSet(document);

    public FieldSet Union(FieldSet other)
    {
        if (ReferenceEquals(this, other) || other.IsEmpty)
            return this;
        if (IsEmpty)
            return other;
        ReadOnlySpan<Branch> mine = Branches, theirs = other.Branches;
        List<Branch>? result = null;
        int i = 0, j = 0;
        while (i < mine.Length || j < theirs.Length)
        {
            int order = i == mine.Length ? 1 : j == theirs.Length ? -1 : mine[i].Element.CompareTo(theirs[j].Element);
            if (order < 0)
            {
                result?.Add(mine[i]);
                i++;
                continue;
            }
            if (order > 0)
            {
                (result ??= Copy(mine[..i])).Add(theirs[j++]);
                continue;
            }
            Branch one = mine[i], joined = new(one.Element, one.IsMember || theirs[j].IsMember, one.Below.Union(theirs[j].Below));
            if (result is null && (joined.IsMember != one.IsMember || !ReferenceEquals(joined.Below, one.Below)))
                result = Copy(mine[..i]);
            result?.Add(joined);
            i++;
            j++;
        }
        return result is null ? this : new FieldSet(result);
    }

    /// <summary>What is a member here and not there. Members below a member that goes stay.</summary>
    public FieldSet Difference(FieldSet other)
    {
        if (IsEmpty || other.IsEmpty)
            return this;
        ReadOnlySpan<Branch> mine = Branches;
        List<Branch>? result = null;
        for (int i = 0; i < mine.Length; i++)
        {
            Branch one = mine[i], left = one;
            if (other.Find(one.Element) is { } theirs)
                left = new Branch(one.Element, one.IsMember && !theirs.IsMember, one.Below.Difference(theirs.Below));
            bool changed = left.IsMember != one.IsMember || !ReferenceEquals(left.Below, one.Below);
            if (changed && result is null)
                result = Copy(mine[..i]);
            if (left.IsMember || !left.Below.IsEmpty)
                result?.Add(left);
        }
        return result is null ? this : result.Count == 0 ? Empty : new FieldSet(result);
    }

    public FieldSet Intersection(FieldSet other)
    {
        if (ReferenceEquals(this, other))
            return this;
        List<Branch>? result = null;
        foreach (Branch theirs in other.Branches)
        {
            if (Find(theirs.Element) is not { } one)
                continue;
            Branch both = new(one.Element, one.IsMember && theirs.IsMember, one.Below.Intersection(theirs.Below));
            if (both.IsMember || !both.Below.IsEmpty)
                (result ??= []).Add(both);
        }
        return Of(result);
    }

    /// <summary>The branch of a step; null when the set has nothing there.</summary>
    public Branch? Find(PathElement element)
    {
        ReadOnlySpan<Branch> branches = Branches;
        int low = 0, high = branches.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1, order = branches[middle].Element.CompareTo(element);
            if (order == 0)
                return branches[middle];
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return null;
    }

    public bool SetEquals(FieldSet other) => ReferenceEquals(this, other) || (Difference(other).IsEmpty && other.Difference(this).IsEmpty);

    /// <summary>The paths of all members as messages show them: of each level first its own members, then those below.</summary>
    public IEnumerable<string> Paths() => Paths("");

    private IEnumerable<string> Paths(string prefix)
    {
        Branch[] branches = Branches.ToArray();
        return branches.Where(b => b.IsMember).Select(b => prefix + b.Element)
            .Concat(branches.Where(b => !b.Below.IsEmpty).SelectMany(b => b.Below.Paths(prefix + b.Element)));
    }

    private static List<Branch> Unfold(JsonObject document)
    {
        List<Branch> branches = new(document.Count);
        foreach ((string name, JsonNode? node) in document)
        {
            if (name == PathElement.Self || name.Length < 2)
                continue;
            JsonObject below = node as JsonObject ?? [];
            bool self = below.ContainsKey(PathElement.Self);
            branches.Add(new Branch(new PathElement(name), self || below.Count == 0, self && below.Count == 1 ? Empty : OfStored(below)));
        }
        Sort(branches);
        return branches;
    }

    private static List<Branch> Copy(ReadOnlySpan<Branch> branches)
    {
        List<Branch> copy = new(branches.Length + 4);
        copy.AddRange(branches);
        return copy;
    }

    private static void Sort(List<Branch> branches)
    {
        for (int i = 1; i < branches.Count; i++)
        {
            // Documents come in order, and schemas nearly so.
            if (branches[i - 1].Element.CompareTo(branches[i].Element) > 0)
            {
                branches.Sort(static (a, b) => a.Element.CompareTo(b.Element));
                return;
            }
        }
    }
}
