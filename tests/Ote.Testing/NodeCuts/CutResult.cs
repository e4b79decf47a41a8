namespace Ote.Testing.NodeCuts;

/// <summary>How a run went.</summary>
/// <param name="Cuts">Times that the node and its API server were parted.</param>
/// <param name="Restarts">Processes of the node that were ended and started again, reboots included.</param>
/// <param name="Merged">Objects that the API server was told of after a cut.</param>
/// <param name="Conflicts">Writes of the node that were lost by a rule, and were told of by an Event.</param>
/// <param name="Containers">Containers that were started.</param>
/// <param name="Elapsed">Virtual time.</param>
/// <param name="Recovered">Virtual time from the last trouble's end until all was well.</param>
/// <param name="Steps">Things that happened.</param>
/// <param name="Fingerprint">The same for each run of one plan.</param>
public sealed record CutResult(int Cuts, int Restarts, int Merged, int Conflicts, int Containers, TimeSpan Elapsed, TimeSpan Recovered, long Steps, ulong Fingerprint);
