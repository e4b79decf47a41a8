namespace Ote.Testing.Simulation;

/// <summary>Something that must never be was, at a moment of virtual time. The same seed shows it again.</summary>
public sealed class SimulationFailedException(string message) : Exception(message);
