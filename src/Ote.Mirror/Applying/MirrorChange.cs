namespace Ote.Mirror.Applying;

/// <summary>What a commit did to one object of the mirror.</summary>
/// <param name="Revision">Of this mirror.</param>
/// <param name="Stream">Its kind, as the stream is called.</param>
/// <param name="Namespace">Namespace; empty for none.</param>
/// <param name="Shown">The name it is shown under.</param>
/// <param name="Before">As it was shown; null when it is new.</param>
/// <param name="After">As it is shown; null when it is gone.</param>
internal sealed record MirrorChange(long Revision, string Stream, string Namespace, string Shown, byte[]? Before, byte[]? After);
