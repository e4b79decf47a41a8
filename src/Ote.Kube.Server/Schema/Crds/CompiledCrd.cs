using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Crds;

/// <summary>A CustomResourceDefinition made ready to serve: one kind for each served version.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Spec">What they were made from; nobody changes it.</param>
/// <param name="IsTerminating">Whether it is going, and its objects with it: there are to be no new ones.</param>
/// <param name="Kinds">The kinds, the preferred version first.</param>
internal sealed record CompiledCrd(string Name, JsonObject Spec, bool IsTerminating, IReadOnlyList<KindInfo> Kinds);
