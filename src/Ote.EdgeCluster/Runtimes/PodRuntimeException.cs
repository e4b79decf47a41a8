namespace Ote.EdgeCluster.Runtimes;

/// <summary>A runtime could not do what was asked. The message is for the user who looks at the pod's events.</summary>
/// <param name="message">Cause and next step.</param>
public sealed class PodRuntimeException(string message) : Exception(message);
