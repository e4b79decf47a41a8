using System.Collections.Frozen;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>Fields that nobody owns: the object's identity and what only the server writes.</summary>
internal static class Untracked
{
    private static readonly FrozenSet<string> s_names = FrozenSet.Create(StringComparer.Ordinal,
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion");

    public static FieldSet Fields { get; } = Build();

    /// <summary>Whether a field of the metadata can have owners.</summary>
    public static bool IsTracked(string name) => !s_names.Contains(name);

    private static FieldSet Build()
    {
        PathElement metadata = PathElement.Field("metadata");
        FieldSet set = FieldSet.Of(PathElement.Field("apiVersion")).Union(FieldSet.Of(PathElement.Field("kind"))).Union(FieldSet.Of(metadata));
        return s_names.Aggregate(set, (union, name) => union.Union(FieldSet.Of(metadata, PathElement.Field(name))));
    }
}
