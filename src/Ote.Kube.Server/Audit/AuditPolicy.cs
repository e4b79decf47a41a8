using System.Collections.Immutable;

namespace Ote.Kube.Server.Audit;

/// <summary>What is noted of which requests: the first rule that is for a request decides, and none means nothing. Immutable.</summary>
/// <param name="Rules">In their order.</param>
/// <param name="OmitStages">Left out whatever the rules say.</param>
internal sealed record AuditPolicy(ImmutableArray<AuditRule> Rules, AuditStages OmitStages)
{
    private static readonly string[] Reading = ["get", "list", "watch"];

    /// <summary>Whether requests that are refused (401, 403) are noted although no rule asks for them.</summary>
    public bool NotesRefusals { get; init; }

    /// <summary>
    /// Without a policy file: every write and every refusal, as metadata, once it is answered. Not: reads, leases and events, and the status that the
    /// product's own controllers write all the time.
    /// </summary>
    public static AuditPolicy Default { get; } = new(
        [
            new AuditRule { Verbs = [.. Reading, "head", "options"] },
            new AuditRule { Resources = [new("", ["events"], []), new("events.k8s.io", ["events"], []), new("coordination.k8s.io", ["leases"], [])] },
            new AuditRule { Users = ["system:edge-cluster", "system:cluster-controller"], Resources = [new(null, ["*/status"], [])] },
            new AuditRule { Level = AuditLevel.Metadata },
        ],
        AuditStages.RequestReceived | AuditStages.ResponseStarted) { NotesRefusals = true };

    /// <summary>How much of a request is noted, and at which moments.</summary>
    public (AuditLevel Level, AuditStages Omit) Of(AuditSubject subject)
    {
        foreach (var rule in Rules)
        {
            if (rule.Holds(subject))
            {
                return (rule.Level, OmitStages | rule.OmitStages);
            }
        }

        return (AuditLevel.None, OmitStages);
    }
}
