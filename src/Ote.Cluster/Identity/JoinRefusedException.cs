namespace Ote.Cluster.Identity;

/// <summary>The tree does not let this cluster in, or is not the tree that was meant; trying again does not help.</summary>
/// <param name="message">The reason, for people.</param>
public sealed class JoinRefusedException(string message) : Exception(message);
