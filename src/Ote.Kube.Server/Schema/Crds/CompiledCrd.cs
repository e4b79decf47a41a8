namespace Ote.Kube.Server.Schema.Crds;

/// <summary>A CustomResourceDefinition made ready to serve: one kind for each served version.</summary>
internal sealed record CompiledCrd(string Name, IReadOnlyList<KindInfo> Kinds);
