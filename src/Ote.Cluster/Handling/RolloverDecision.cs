using System.Globalization;
using Ote.Cluster.Identity;

namespace Ote.Cluster.Handling;

/// <summary>How far the clusters below the root are with an exchange of the CA.</summary>
/// <param name="Clusters">How many there are, those that are revoked left out.</param>
/// <param name="NotTrusting">Those that have not said that they trust both.</param>
/// <param name="NotRenewed">Those whose certificate is not of the CA that issues.</param>
internal sealed record RolloverProgress(int Clusters, IReadOnlyList<string> NotTrusting, IReadOnlyList<string> NotRenewed);

/// <summary>What is to be done.</summary>
internal enum RolloverStep
{
    Nothing,
    Start,
    Switch,
    Finish,
    Forget,
}

/// <summary>Decides over an exchange of the CA. Pure.</summary>
internal static class RolloverDecision
{
    private const int MostNames = 10;

    /// <summary>What an operator's wish leads to, and what to answer.</summary>
    public static (RolloverStep Step, string Answer) Wish(RolloverPhase phase, string wish, bool force, RolloverProgress now, DateTimeOffset until) => (phase, wish) switch
    {
        (RolloverPhase.None, "start") => (RolloverStep.Start, "started: all clusters are told to trust the next CA too"),
        (RolloverPhase.Finished, "start") => (RolloverStep.Nothing, $"refused: the former CA still counts for renewals until {until:u}; start after that"),
        (_, "start") => (RolloverStep.Nothing, "refused: an exchange is under way already; finish or abort it first"),
        (RolloverPhase.Trusting, "continue") => (RolloverStep.Switch, now.NotTrusting.Count == 0
            ? "continued: the next CA issues now"
            : $"continued without {Names(now.NotTrusting)}: they learn of the next CA when they are back"),
        (RolloverPhase.Trusting, "abort") => (RolloverStep.Finish, "aborted: the next CA has issued nothing and is given up"),
        (RolloverPhase.Renewing, "abort") => (RolloverStep.Switch, "turned round: the other CA issues again, and certificates are renewed under it; finish then"),
        (RolloverPhase.Trusting, "finish") => (RolloverStep.Nothing, $"refused: the next CA does not issue yet; not all trust it: {Names(now.NotTrusting)}. Wait, or continue without them"),
        (RolloverPhase.Renewing, "finish") when now.NotRenewed.Count > 0 && !force =>
            (RolloverStep.Nothing, $"refused: certificates of the former CA are still in use: {Names(now.NotRenewed)}. Wait, or finish with --force and leave them behind"),
        (RolloverPhase.Renewing, "finish") => (RolloverStep.Finish, now.NotRenewed.Count == 0
            ? "finished: the former CA is not trusted any more"
            : $"finished, leaving behind {Names(now.NotRenewed)}: within the renewal grace they come back by themselves"),
        (RolloverPhase.Renewing, "continue") => (RolloverStep.Nothing, "refused: the exchange is under way in phase Renewing, in which the issuing CA needs nobody's leave; "
            + (now.NotRenewed.Count > 0 ? $"it waits for certificates to be renewed: {Names(now.NotRenewed)}" : "all certificates are renewed: finish it")),
        (RolloverPhase.Finished, "finish" or "continue" or "abort") =>
            (RolloverStep.Nothing, $"refused: the exchange is finished; nothing is left to do but to wait until {until:u}, when the former CA is forgotten"),
        (_, "finish" or "continue" or "abort") => (RolloverStep.Nothing, "refused: no exchange is under way; start one"),
        _ => (RolloverStep.Nothing, $"refused: '{wish}' is none of start, continue, finish, abort"),
    };

    /// <summary>What is to be done with nobody wishing anything: once all trust both, the next CA begins to issue.</summary>
    public static RolloverStep Unasked(RolloverPhase phase, RolloverProgress now, DateTimeOffset until, DateTimeOffset time) => phase switch
    {
        RolloverPhase.Trusting when now.NotTrusting.Count == 0 => RolloverStep.Switch,
        RolloverPhase.Finished when time >= until => RolloverStep.Forget,
        _ => RolloverStep.Nothing,
    };

    /// <summary>Some names, for people.</summary>
    public static string Names(IReadOnlyList<string> names) =>
        names.Count == 0 ? "none"
        : string.Join(", ", names.Take(MostNames)) + (names.Count > MostNames ? string.Create(CultureInfo.InvariantCulture, $" and {names.Count - MostNames} more") : "");
}
