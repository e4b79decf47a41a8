using Ote.Kube.Mirrors;

namespace Ote.Mirror.Applying;

/// <summary>What a commit did to one object of the mirror.</summary>
/// <param name="Revision">Of this mirror.</param>
/// <param name="Key">The object as its cluster has it.</param>
/// <param name="Shown">The name it is shown under.</param>
/// <param name="Before">As it was shown; null when it is new.</param>
/// <param name="After">As it is shown; null when it is gone.</param>
/// <param name="Cluster">The cluster's row.</param>
internal sealed record MirrorChange(long Revision, MirroredKey Key, string Shown, byte[]? Before, byte[]? After, long Cluster);
