namespace Ote.Shim.Conformance;

/// <summary>How a check ended.</summary>
public enum ConformanceOutcome
{
    /// <summary>The shim does what the contract asks.</summary>
    Passed,

    /// <summary>It does not; the detail says what was expected and what came.</summary>
    Failed,

    /// <summary>The target, or the shim's description of itself, leaves nothing to check; the detail says why.</summary>
    Skipped,
}

/// <summary>One check and how it ended.</summary>
/// <param name="Name">Stable, such as <c>response-cap</c>.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Detail">What was seen.</param>
public sealed record ConformanceResult(string Name, ConformanceOutcome Outcome, string Detail)
{
    /// <summary>Whether it was checked and holds.</summary>
    public bool Passed => Outcome == ConformanceOutcome.Passed;
}

/// <summary>All checks of one run, in order.</summary>
public sealed record ConformanceReport(IReadOnlyList<ConformanceResult> Results)
{
    /// <summary>Whether no check failed. A skipped check proves nothing: look at it.</summary>
    public bool Passed => Results.All(result => result.Outcome != ConformanceOutcome.Failed);

    /// <summary>One line for each check.</summary>
    public override string ToString() =>
        string.Join('\n', Results.Select(result => $"{result.Outcome.ToString().ToLowerInvariant(),-8}{result.Name}: {result.Detail}"));
}
