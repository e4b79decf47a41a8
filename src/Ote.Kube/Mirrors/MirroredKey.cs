namespace Ote.Kube.Mirrors;

/// <summary>Names an object of a cluster, as the cluster has it.</summary>
/// <param name="Cluster">The cluster's name in the tree.</param>
/// <param name="Kind">Plural and, behind a dot, group: <c>pods</c>, <c>deployments.apps</c>.</param>
/// <param name="Namespace">Empty for none.</param>
/// <param name="Name">Its name there.</param>
public readonly record struct MirroredKey(string Cluster, string Kind, string Namespace, string Name);
