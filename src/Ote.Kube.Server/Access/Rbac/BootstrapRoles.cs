using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Access.Rbac;

/// <summary>The roles and bindings that users of Kubernetes expect to find: cluster-admin, admin, edit, view, and what discovery needs.</summary>
internal static class BootstrapRoles
{
    private const string Defaults = "kubernetes.io/bootstrapping";

    /// <summary>Fresh objects, in the order to create them in.</summary>
    public static IReadOnlyList<JsonObject> Read()
    {
        using var stream = typeof(BootstrapRoles).Assembly.GetManifestResourceStream("rbac-bootstrap.yaml")!;
        using var reader = new StreamReader(stream);
        JsonObject[] objects = [.. Yaml.Read(reader.ReadToEnd()).Cast<JsonObject>()];
        foreach (var obj in objects)
        {
            obj.Child("metadata").Child("labels")[Defaults] = "rbac-defaults";
        }

        return objects;
    }
}
