namespace Ote.Conformance.Comparing;

/// <summary>Takes out of an output one sort of thing that must differ between two servers.</summary>
/// <param name="Name">How the document calls it.</param>
/// <param name="Apply">The text without it; what cannot be what the rule is about stays.</param>
public sealed record NormalisingRule(string Name, Func<string, LaneFacts, string> Apply);
