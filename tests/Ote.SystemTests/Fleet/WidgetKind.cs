namespace Ote.SystemTests.Fleet;

/// <summary>A kind that no Kubernetes has, and that the clusters of these tests report when they have it.</summary>
internal static class WidgetKind
{
    public const string Name = "widgets.fleet-test.example.com";

    /// <summary>Its CustomResourceDefinition.</summary>
    public const string Definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: widgets.fleet-test.example.com}
        spec:
          group: fleet-test.example.com
          scope: Namespaced
          names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList, shortNames: [wdg]}
          versions:
          - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}, additionalPrinterColumns: [{name: Color, type: string, jsonPath: .spec.color}, {name: Age, type: date, jsonPath: .metadata.creationTimestamp}]}

        """;

    /// <summary>What a controller is given to report it, and the ReplicaSets, beside all that it reports anyhow.</summary>
    public static IReadOnlyList<string> Reported { get; } = ["--report", "default", "--report", Name, "--report", "replicasets.apps"];

    /// <summary>One of it, with its color as a label too.</summary>
    public static string Object(string name, string color, string ns) => $$$"""
        apiVersion: fleet-test.example.com/v1
        kind: Widget
        metadata: {name: {{{name}}}, namespace: {{{ns}}}, labels: {color: {{{color}}}}}
        spec: {color: {{{color}}}}

        """;

    /// <summary>Waits until some are shown. A cluster looks twice a minute which kinds it has.</summary>
    public static Task<string> ShownAsync(Kubectl kubectl, string kind, CancellationToken ct) =>
        kubectl.UntilAsync(names => names.Length > 0, TimeSpan.FromSeconds(120), ct, "get", kind, "-A", "-o", "name");
}
