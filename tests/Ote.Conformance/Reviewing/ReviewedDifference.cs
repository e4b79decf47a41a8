namespace Ote.Conformance.Reviewing;

/// <summary>A difference that was looked at and is meant.</summary>
/// <param name="Command">Section and title, as <see cref="Statements.Statement.Name"/>.</param>
/// <param name="Reason">Key of the reason in the list.</param>
/// <param name="Hashes">By the kubectl's age, the hash of exactly this difference.</param>
/// <param name="Excerpts">By age, its first lines: for the reader alone.</param>
public sealed record ReviewedDifference(string Command, string Reason, IReadOnlyDictionary<string, string> Hashes, IReadOnlyDictionary<string, IReadOnlyList<string>> Excerpts);
