namespace Ote.Cluster.Namespaces;

/// <summary>One time that a cluster is brought to what policies say, step by step. For one task.</summary>
/// <param name="cluster">The cluster.</param>
/// <param name="isOnline">Whether it can be asked.</param>
/// <param name="before">What was done before and may not be reported yet.</param>
/// <param name="now">The time.</param>
internal sealed class Visit(string cluster, bool isOnline, IReadOnlyDictionary<string, (string Mark, DateTimeOffset Until)>? before, DateTimeOffset now)
{
    private readonly Dictionary<string, LackingNamespace> _lacking = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Mark, DateTimeOffset Until)> _sent = new(StringComparer.Ordinal);
    private NamespaceOutcome? _away;

    public bool IsOnline => isOnline;

    /// <summary>What is not as it should be.</summary>
    public IReadOnlyDictionary<string, LackingNamespace> Lacking => _lacking;

    /// <summary>What was done and is not reported yet.</summary>
    public IReadOnlyDictionary<string, (string Mark, DateTimeOffset Until)> Sent => _sent;

    /// <summary>When to come again, if nothing is heard meanwhile; null: then alone.</summary>
    public TimeSpan? Again { get; private set; }

    /// <summary>Takes one step.</summary>
    public async Task TakeAsync(PlannedStep planned, NamespaceDoer doer, CancellationToken ct)
    {
        switch (planned.Step.Deed)
        {
            case NamespaceDeed.Nothing:
                return;
            case NamespaceDeed.Leave:
                Note(planned, planned.Step.Reason, planned.Step.Text);
                return;
            default:
                break;
        }

        if (!isOnline)
        {
            Note(planned, "ClusterAway", "the cluster is away; it is brought to it when it is back");
        }
        else if (before?.GetValueOrDefault(planned.Namespace) is { Mark: not null } last && last.Mark == planned.Step.Mark && last.Until > now)
        {
            _sent[planned.Namespace] = last;
            Note(planned, "Sent", "it is done there, and not reported yet");
            Return(last.Until - now);
        }
        else if (_away is { } away)
        {
            Note(planned, away.Reason, away.Text);
        }
        else
        {
            var outcome = await doer.DoAsync(cluster, planned, ct).ConfigureAwait(false);
            Note(planned, outcome.Reason, outcome.Text);
            Return(outcome.Again);
            _away = outcome.IsAway ? outcome : null;
            if (outcome.Reason == "Sent")
            {
                _sent[planned.Namespace] = (planned.Step.Mark, now + outcome.Again);
            }
        }
    }

    private void Note(PlannedStep planned, string reason, string text) => _lacking[planned.Namespace] = new LackingNamespace(cluster, planned.Namespace, reason, text);

    private void Return(TimeSpan after) => Again = Again is { } sooner && sooner < after ? sooner : after;
}
