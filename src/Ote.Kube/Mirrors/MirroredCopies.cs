using System.Text.Json.Nodes;

namespace Ote.Kube.Mirrors;

/// <summary>What a mirror has of one kind of one cluster.</summary>
/// <param name="IsReported">Whether the cluster has told anything of that kind; otherwise nothing follows from what is not here.</param>
/// <param name="Objects">As the cluster has reported them, under the names and versions they have there. The caller's own.</param>
public sealed record MirroredCopies(bool IsReported, IReadOnlyList<JsonObject> Objects);
