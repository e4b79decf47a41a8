using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>
/// One change as the schemas of several versions see it. Objects are the same in all versions but for their apiVersion; what is a list by keys in one may
/// be atomic in another. Each version is compared when it is first asked for.
/// </summary>
internal sealed class VersionedChanges(TypedKind kind, Func<string, TypedKind?> versions, JsonObject before, JsonObject after, FieldChanges main)
{
    private Dictionary<string, FieldChanges?>? _others;

    /// <summary>In the version of the write.</summary>
    public FieldChanges Main => main;

    /// <summary>In a version; null when it is not served.</summary>
    public FieldChanges? In(string apiVersion)
    {
        if (apiVersion == kind.ApiVersion)
            return main;
        _others ??= new Dictionary<string, FieldChanges?>(StringComparer.Ordinal);
        if (!_others.TryGetValue(apiVersion, out FieldChanges? changes))
            _others[apiVersion] = changes = versions(apiVersion) is { } other ? new FieldComparison(other).Compare(before, after) : null;
        return changes;
    }
}
