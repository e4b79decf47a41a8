namespace Ote.Conformance.Reviewing;

/// <summary>What came out of comparing a command.</summary>
public enum Verdict
{
    /// <summary>Both servers did the same.</summary>
    Same,

    /// <summary>They differ exactly as the reviewed list says.</summary>
    Reviewed,

    /// <summary>They differ in another way than the list says, or do not differ although it says so.</summary>
    Different,
}
