using Ote.Conformance.Comparing;
using Ote.Conformance.Statements;

namespace Ote.Conformance.Reviewing;

/// <summary>One command, run by one kubectl at both servers.</summary>
/// <param name="Statement">The command.</param>
/// <param name="Age">The kubectl's.</param>
/// <param name="Difference">Between the two.</param>
/// <param name="Verdict">Of this kubectl's run alone.</param>
/// <param name="Took">At the slower of the two servers.</param>
/// <param name="Embedded">What the embedded server did, as <see cref="Difference.Form"/> has it.</param>
public sealed record Comparison(Statement Statement, string Age, Difference Difference, Verdict Verdict, TimeSpan Took, string Embedded)
{
    /// <summary>
    /// The same command, asked again: that counts where the embedded server did the same as before and it was the real one that did something else. What the embedded server does once and not another time is a difference.
    /// </summary>
    public Comparison Or(Comparison? again) => again is not null && again.Verdict != Verdict.Different && again.Embedded == Embedded ? again : this;

    /// <summary>The verdict on a difference, given what the reviewed list says.</summary>
    public static Verdict Judge(Difference difference, string meant) =>
        difference.Hash != meant ? Verdict.Different : meant.Length == 0 ? Verdict.Same : Verdict.Reviewed;
}
