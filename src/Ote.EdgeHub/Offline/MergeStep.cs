using System.Text.Json.Nodes;

namespace Ote.EdgeHub.Offline;

/// <summary>One request by which the API server learns of what happened while the node was cut off.</summary>
internal abstract record MergeStep
{
    private MergeStep()
    {
    }

    /// <summary>Creates an object.</summary>
    public sealed record Create(JsonObject Object) : MergeStep;

    /// <summary>Changes it by a merge patch.</summary>
    /// <param name="Body">The patch; it names the uid, so that a namesake is left alone.</param>
    /// <param name="Subresource">Such as <c>status</c>; null: the object.</param>
    public sealed record Patch(JsonObject Body, string? Subresource) : MergeStep;

    /// <summary>Deletes the object of a uid.</summary>
    /// <param name="Uid">Which; a namesake is left alone.</param>
    /// <param name="Grace">Seconds it is given; 0: it has ended here.</param>
    public sealed record Delete(string Uid, long Grace = 0) : MergeStep;
}

/// <summary>How a journal entry is merged.</summary>
/// <param name="Steps">In this order; none when there is nothing to tell.</param>
/// <param name="Conflicts">What is lost by it, and why, for an operator.</param>
internal sealed record Merge(IReadOnlyList<MergeStep> Steps, IReadOnlyList<string> Conflicts)
{
    /// <summary>Nothing is to be told.</summary>
    public static Merge Nothing { get; } = new([], []);
}
