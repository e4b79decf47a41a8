namespace Ote.Shim.Conformance;

/// <summary>Ends a check as failed, or as having nothing to check.</summary>
internal sealed class CheckFailed(string detail, ConformanceOutcome outcome = ConformanceOutcome.Failed) : Exception(detail)
{
    public ConformanceOutcome Outcome => outcome;

    public static void Unless(bool holds, string detail)
    {
        if (!holds)
            throw new CheckFailed(detail);
    }

    public static T SkipUnless<T>(T? needed, string what) where T : class =>
        needed ?? throw new CheckFailed($"the target names no {what}", ConformanceOutcome.Skipped);
}
