namespace Ote.Cluster.Identity;

/// <summary>A stored identity or CA cannot be used; the message names the file, the cause and the next step.</summary>
/// <param name="message">What, why, what to do.</param>
/// <param name="cause">The underlying error, when there is one.</param>
public sealed class IdentityException(string message, Exception? cause = null) : Exception(message, cause);
