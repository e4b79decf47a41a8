namespace Ote.Cluster.Routing;

/// <summary>Clusters by tag key and by whole tag, so that a selector that asks for a tag looks only at clusters that carry it.</summary>
internal sealed class TagIndex
{
    private readonly Dictionary<string, HashSet<string>> _byTerm = new(StringComparer.Ordinal);

    public void Add(RouteEntry entry)
    {
        foreach (var tag in entry.Tags.Tags)
        {
            Set(tag.Key).Add(entry.Name);
            if (tag.Value is not null)
            {
                Set(tag.ToString()).Add(entry.Name);
            }
        }
    }

    public void Remove(RouteEntry entry)
    {
        foreach (var tag in entry.Tags.Tags)
        {
            Take(tag.Key, entry.Name);
            if (tag.Value is not null)
            {
                Take(tag.ToString(), entry.Name);
            }
        }
    }

    /// <summary>
    /// Names among which every match is, each once; null when only looking at all of them will do. The caller still asks the
    /// selector.
    /// </summary>
    public IEnumerable<string>? Candidates(SelectorNode node) => node switch
    {
        HasTag has => Get(has.Key),
        TagValueIn { ExactValues: { } values } exact => values.SelectMany(v => Get($"{exact.Key}={v}")).Distinct(StringComparer.Ordinal),
        TagValueIn pattern => Get(pattern.Key),
        AllOf all => all.Terms.Select(Candidates).FirstOrDefault(c => c is not null),
        AnyOf any => Union(any.Alternatives),
        _ => null,
    };

    private IEnumerable<string>? Union(SelectorNode[] alternatives)
    {
        var sets = alternatives.Select(Candidates).ToArray();
        return sets.All(s => s is not null) ? sets.SelectMany(s => s!).Distinct(StringComparer.Ordinal) : null;
    }

    private HashSet<string> Get(string term) => _byTerm.TryGetValue(term, out var names) ? names : [];

    private HashSet<string> Set(string term)
    {
        if (!_byTerm.TryGetValue(term, out var names))
        {
            _byTerm[term] = names = new HashSet<string>(StringComparer.Ordinal);
        }

        return names;
    }

    private void Take(string term, string name)
    {
        if (_byTerm.TryGetValue(term, out var names) && names.Remove(name) && names.Count == 0)
        {
            _byTerm.Remove(term);
        }
    }
}
