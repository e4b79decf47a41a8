namespace Ote.Conformance.Running;

/// <summary>What a command left: as it was said, not yet normalised.</summary>
/// <param name="ExitCode">Of the shell that ran it; 0 for a command that was ended by its lines of output.</param>
/// <param name="Out">Standard output.</param>
/// <param name="Error">Standard error.</param>
public sealed record CommandOutcome(int ExitCode, string Out, string Error)
{
    /// <summary>From its start to its end.</summary>
    public TimeSpan Took { get; init; }
}
