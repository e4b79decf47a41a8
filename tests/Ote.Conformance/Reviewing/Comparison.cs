using Ote.Conformance.Comparing;
using Ote.Conformance.Statements;

namespace Ote.Conformance.Reviewing;

/// <summary>One command, run by one kubectl at both servers.</summary>
/// <param name="Statement">The command.</param>
/// <param name="Age">The kubectl's.</param>
/// <param name="Difference">Between the two.</param>
/// <param name="Verdict">Of this kubectl's run alone.</param>
/// <param name="Took">At the slower of the two servers.</param>
public sealed record Comparison(Statement Statement, string Age, Difference Difference, Verdict Verdict, TimeSpan Took)
{
    /// <summary>The verdict on a difference, given what the reviewed list says.</summary>
    public static Verdict Judge(Difference difference, string meant) =>
        difference.Hash != meant ? Verdict.Different : meant.Length == 0 ? Verdict.Same : Verdict.Reviewed;
}
