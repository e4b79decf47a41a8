namespace Ote.Conformance.Statements;

/// <summary>What a statement of the script is for.</summary>
public enum StatementKind
{
    /// <summary>A kubectl or helm command: run and compared.</summary>
    Command,

    /// <summary>A line of shell that prepares something on both sides, such as a file; it must succeed and is not compared.</summary>
    Preparation,

    /// <summary>Ends when all commands in the background have ended; their results are compared.</summary>
    Wait,
}

/// <summary>One statement of a section. Immutable.</summary>
/// <param name="Section">The section's name: its file's, without number and extension.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Title">Its first line without what is meant for the runner; names it within the section.</param>
/// <param name="Shell">What the shell runs: all of it, here-documents included.</param>
public sealed record Statement(string Section, StatementKind Kind, string Title, string Shell)
{
    /// <summary>Goes on beside the statements that follow, until <c>wait</c>.</summary>
    public bool Background { get; init; }

    /// <summary>How many lines of output end a command in the background; 0: it ends by itself.</summary>
    public int Lines { get; init; }

    /// <summary>The age of kubectl that runs it, <c>old</c> or <c>new</c>; null: both.</summary>
    public string? Only { get; init; }

    /// <summary>How the reviewed list and the report name it.</summary>
    public string Name => $"{Section}: {Title}";

    /// <summary>Whether a kubectl of this age runs it.</summary>
    public bool Runs(string age) => Only is null || Only == age;
}
