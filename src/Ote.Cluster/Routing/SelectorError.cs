namespace Ote.Cluster.Routing;

/// <summary>Why a text is not a selector.</summary>
/// <param name="Position">0-based index of the offending character; the text's length when something is missing at its end.</param>
/// <param name="Message">What is wrong and what to write instead.</param>
/// <param name="Expected">What could stand at that position; empty when the grammar is not the cause (a name or length rule is).</param>
public sealed record SelectorError(int Position, string Message, IReadOnlyList<string> Expected)
{
    /// <summary>One line for people: the position, then the message.</summary>
    public override string ToString() => $"selector, position {Position}: {Message}";
}
