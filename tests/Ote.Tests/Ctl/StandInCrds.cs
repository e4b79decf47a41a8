using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl;

/// <summary>Definitions that take anything, for kinds whose real one is not embedded.</summary>
internal static class StandInCrds
{
    public static JsonObject For(ResourceRef kind) => Yaml.ReadObject($$"""
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: {{kind.Plural}}.{{kind.Group}}}
        spec:
          group: {{kind.Group}}
          scope: {{(kind.Namespaced ? "Namespaced" : "Cluster")}}
          names: {plural: {{kind.Plural}}, singular: {{kind.Kind.ToLowerInvariant()}}, kind: {{kind.Kind}}, listKind: {{kind.Kind}}List}
          versions:
          - name: {{kind.Version}}
            served: true
            storage: true
            subresources: {status: {} }
            schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true} }
        """);

    public static IReadOnlyList<JsonObject> Complete(IReadOnlyList<JsonObject> real)
    {
        ResourceRef[] ours = [Kinds.Clusters, Kinds.ClusterControllers, Kinds.ClusterControllerResults, Kinds.JoinTokens];
        return [.. real, .. ours.Select(For).Where(crd => real.All(r => r.Name() != crd.Name()))];
    }
}
