namespace Ote.Controllers.EdgeNodes;

/// <summary>What one look at a node showed.</summary>
/// <param name="Phase">How it stands.</param>
/// <param name="Keeps">Whether it is kept from eviction.</param>
/// <param name="SinceHeard">How long its kubelet has not been heard.</param>
/// <param name="Seen">Witnesses that reach it.</param>
/// <param name="Missed">Witnesses that do not.</param>
/// <param name="Refused">Witnesses whose word does not count, since they are not heard themselves, cannot be understood, or missed it while it was heard.</param>
public sealed record EdgeNodeLook(EdgeNodePhase Phase, bool Keeps, TimeSpan SinceHeard, int Seen, int Missed, int Refused);
