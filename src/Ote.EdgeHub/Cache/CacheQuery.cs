using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Selectors;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// What a component of the node asks for: the objects of one kind, in one version, in one namespace or all, that selectors choose; or one object by its name. Two that ask for the same share a copy.
/// Immutable.
/// </summary>
/// <param name="Group">Empty for the core.</param>
/// <param name="Version">Such as <c>v1</c>.</param>
/// <param name="Plural">Such as <c>pods</c>.</param>
/// <param name="Namespace">Null: all, or a kind without namespaces.</param>
/// <param name="Name">Null: a collection.</param>
/// <param name="LabelSelector">Kubernetes' text; empty: all.</param>
/// <param name="FieldSelector">Kubernetes' text; empty: all.</param>
public sealed record CacheQuery(string Group, string Version, string Plural, string? Namespace, string? Name, string LabelSelector = "", string FieldSelector = "")
{
    private readonly Lazy<(LabelSelector Labels, FieldSelector Fields)> _selectors = new(() => (Kube.Server.Selectors.LabelSelector.Parse(LabelSelector), Kube.Server.Selectors.FieldSelector.Parse(FieldSelector)));

    /// <summary>Where the kind lies in a store: <c>group/plural</c>.</summary>
    public string Resource => $"{Group}/{Plural}";

    /// <summary>As it stands in objects.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>Whether it is kept by a watch; one object that was read by its name is kept as it was read.</summary>
    public bool IsFollowed => Name is null;

    /// <summary>The collection that a request for one object or for several asks for.</summary>
    /// <exception cref="SelectorException">A selector cannot be read.</exception>
    public static CacheQuery Of(ApiPath path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var query = new CacheQuery(
            path.Group!, path.Segments[path.Group!.Length == 0 ? 1 : 2], path.Resource!, path.Namespace, path.Name,
            path.Name is null ? path.Parameter("labelSelector").FirstOrDefault() ?? "" : "", path.Name is null ? path.Parameter("fieldSelector").FirstOrDefault() ?? "" : "");
        _ = query._selectors.Value;
        return query;
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static CacheQuery Parse(string text)
    {
        var parts = text.Split('\n');
        return new CacheQuery(parts[0], parts[1], parts[2], Absent(parts[3]), Absent(parts[4]), Uri.UnescapeDataString(parts[5]), Uri.UnescapeDataString(parts[6]));

        static string? Absent(string part) => part.Length == 0 ? null : part;
    }

    /// <summary>The path and selectors at an API server, without a leading slash.</summary>
    public string Target()
    {
        var path = (Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}") + (Namespace is null ? "" : $"/namespaces/{Namespace}") + $"/{Plural}" + (Name is null ? "" : $"/{Name}");
        return path + "?labelSelector=" + WebUtility.UrlEncode(LabelSelector) + "&fieldSelector=" + WebUtility.UrlEncode(FieldSelector);
    }

    /// <summary>Whether an object is among what is asked for.</summary>
    public bool Matches(StoreKey key, JsonObject obj)
    {
        if (key.Resource != Resource || (Namespace is not null && key.Namespace != Namespace))
        {
            return false;
        }

        var (labels, fields) = _selectors.Value;
        return Name is not null ? key.Name == Name : (labels.IsEverything || labels.Matches(obj.Labels())) && (fields.IsEverything || fields.Matches(obj));
    }

    /// <summary>Whether an object that is not here is nowhere: all of its namespace or of all namespaces was asked for, or this one alone.</summary>
    public bool Covers(StoreKey key) => IsFollowed && key.Resource == Resource && (Namespace is null || Namespace == key.Namespace)
        && LabelSelector.Length == 0 && (FieldSelector.Length == 0 || FieldSelector == "metadata.name=" + key.Name);

    /// <summary>Whether all that another asks for is among what this one does: what it demands of fields the other demands too.</summary>
    public bool Includes(CacheQuery other) => other is not null && IsFollowed && other.IsFollowed && (Group, Version, Plural) == (other.Group, other.Version, other.Plural)
        && (Namespace is null || Namespace == other.Namespace) && (LabelSelector.Length == 0 || LabelSelector == other.LabelSelector)
        && _selectors.Value.Fields.Terms.All(other._selectors.Value.Fields.Terms.Contains);

    /// <inheritdoc/>
    public bool Equals(CacheQuery? other) => other is not null && ToString() == other.ToString();

    /// <summary>The same in each process, so that copies are gone through in the same order when a simulation is played again.</summary>
    public override int GetHashCode() => (int)ToString().Aggregate(2166136261u, (hash, letter) => unchecked((hash ^ letter) * 16777619u));

    /// <summary>The text by which a copy is found again.</summary>
    public override string ToString() => string.Join('\n', Group, Version, Plural, Namespace ?? "", Name ?? "", Uri.EscapeDataString(LabelSelector), Uri.EscapeDataString(FieldSelector));
}
