using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Access;

/// <summary>Says which clusters a command may have. Thread-safe.</summary>
internal interface ICommandAccess
{
    /// <summary>
    /// Decides; while the policies are not known it waits, for as long as that takes: a command that nobody can judge goes nowhere, and
    /// whoever sent it keeps it.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="clusters">Whom it is for.</param>
    /// <param name="ct">Ends the wait.</param>
    ValueTask<AccessVerdict> JudgeAsync(Command command, IReadOnlyCollection<string> clusters, CancellationToken ct);
}
