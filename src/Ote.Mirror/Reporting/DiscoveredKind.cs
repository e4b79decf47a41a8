using Ote.Kube.Objects;

namespace Ote.Mirror.Reporting;

/// <summary>A kind as a cluster serves it.</summary>
/// <param name="Resource">In which version.</param>
/// <param name="Definition">What else clients are to know of it, as <see cref="KindDiscovery"/> writes it; empty for nothing.</param>
internal sealed record DiscoveredKind(ResourceRef Resource, string Definition);
