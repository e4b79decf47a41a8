namespace Ote.Kube.Server.Selectors;

/// <summary>A selector that cannot be read, or that asks for a field the kind does not offer. Answer 400 BadRequest.</summary>
public sealed class SelectorException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="position">Zero-based index of the offending character; -1 when the text as a whole is meant.</param>
    public SelectorException(string message, int position)
        : base(message) => Position = position;

    /// <summary>Zero-based index of the offending character; -1 when the text as a whole is meant.</summary>
    public int Position { get; }
}
