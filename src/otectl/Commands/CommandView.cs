using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary>Typed reading of a <c>ClusterController</c> object: what was asked for and how far it has come.</summary>
/// <param name="Object">The object, verbatim.</param>
internal readonly record struct CommandView(JsonObject Object)
{
    /// <summary>Annotation of commands this program makes: the object applied, such as <c>deployment.apps/nginx</c>.</summary>
    internal const string SubjectAnnotation = "ote.baidu.com/subject";

    private const string ObservedCondition = "Observed";

    internal string Name => Object.Name();

    internal string Namespace => Object.Namespace();

    internal string Selector => Object.Text("spec", "clusterSelector") ?? "";

    internal string Method => Object.Text("spec", "method") ?? "";

    internal string Url => Object.Text("spec", "url") ?? "";

    internal string Subject => Object.Annotation(SubjectAnnotation) ?? "";

    /// <summary>How far it is; <c>Pending</c> while the controller has not looked at the current generation.</summary>
    internal string Phase => IsObserved && Object.Text("status", "commandPhase") is { Length: > 0 } phase ? phase : "Pending";

    /// <summary>Whether an operator asked to end it early.</summary>
    internal bool IsCancelling => Object.Truth("spec", "cancel") ?? false;

    internal bool IsObserved => (Object.Whole("status", "observedGeneration") ?? 0) >= Object.Generation();

    internal bool IsFinished => IsObserved && Phase is "Succeeded" or "Failed" or "Cancelled" or "Expired";

    internal DateTimeOffset? Created => Object.Time("metadata", "creationTimestamp");

    /// <summary>One of the counts of <c>status.targetCounts</c>; 0 when it is not there.</summary>
    internal long Count(string stage) => IsObserved ? Object.Whole("status", "targetCounts", stage) ?? 0 : 0;

    /// <summary>Targets that will not succeed any more.</summary>
    internal long Lost => Count("failed") + Count("expired") + Count("cancelled");

    /// <summary>Targets whose fate is known.</summary>
    internal long Settled => Count("succeeded") + Lost;

    /// <summary>Why no cluster was meant, or null while some are or nothing is known yet.</summary>
    internal string? NothingMatched =>
        IsObserved && Count("targets") == 0 && Object.Condition("Matched") is { } matched && matched.Text("status") == "False"
            ? matched.Text("message") ?? $"no known cluster matches '{Selector}'; compare with the names and tags of get clusters -o wide"
            : null;

    /// <summary>What the controller refused about the command itself, or null.</summary>
    internal string? Refusal =>
        IsObserved && Object.Condition("Valid") is { } valid && valid.Text("status") == "False" ? valid.Text("message") ?? valid.Text("reason") : null;

    /// <summary>Why policies allow the command at none of the clusters it means, or null.</summary>
    internal string? NotAllowed =>
        IsObserved && Object.Condition("Allowed") is { } allowed && allowed.Text("status") == "False" ? $"{allowed.Text("reason")}: {allowed.Text("message")}" : null;

    /// <summary>Which names of the selector nobody answers to, in a sentence; null when there are none.</summary>
    internal string? UnknownNames =>
        IsObserved && Object.Condition("NamesKnown") is { } names && names.Text("status") == "False" ? names.Text("message") : null;

    /// <summary>Why targets are still open, when more than a moment's patience is wanted; null when there is no such reason.</summary>
    internal string? Holdup =>
        IsObserved && Object.Condition("Complete") is { } complete && complete.Text("reason") is "ClustersAway" or "ClustersNotAnswering" or "Cancelling" ? complete.Text("message") : null;

    /// <summary>What an operator should look at: names that nobody answers to, clusters that are away or stuck; null when there is nothing.</summary>
    internal string? Concern => string.Join("; ", new[] { UnknownNames, Holdup }.OfType<string>()) is { Length: > 0 } all ? all : null;

    /// <summary>Whether it is told at how many targets the command was observed: the control API keeps a mirror, and the command changes one object.</summary>
    internal bool TellsObserved => IsObserved && Object.Condition(ObservedCondition) is not null;

    /// <summary>Whether every target that succeeded was observed.</summary>
    internal bool IsSeen => TellsObserved && Object.IsTrue(ObservedCondition);

    /// <summary>Whether it may still be observed at more targets.</summary>
    internal bool IsWatched => TellsObserved && Object.Condition(ObservedCondition).Text("reason") == "Watching";

    /// <summary>At how many targets it was observed, and what of the others; null when all were, or nothing is told of it.</summary>
    internal string? Unseen => TellsObserved && !IsSeen ? Object.Condition(ObservedCondition).Text("message") : null;
}
