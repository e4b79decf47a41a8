namespace Ote.EdgeHub.Sharing;

/// <summary>A hub of the site that others read from.</summary>
/// <param name="Name">Its node.</param>
/// <param name="Address">Where it is reached.</param>
/// <param name="Authority">By which authority it is known: DER in base64.</param>
internal sealed record SharingHub(string Name, Uri Address, string Authority);
