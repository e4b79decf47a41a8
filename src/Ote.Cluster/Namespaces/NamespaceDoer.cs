using System.Globalization;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Streams;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Namespaces;

/// <summary>What came of a step.</summary>
/// <param name="Reason">One word; <c>Sent</c>: it is done, and not reported yet.</param>
/// <param name="Text">For people.</param>
/// <param name="Again">When to look again if nothing is heard meanwhile.</param>
/// <param name="IsAway">Whether others of the cluster need not be tried now.</param>
internal readonly record struct NamespaceOutcome(string Reason, string Text, TimeSpan Again, bool IsAway = false);

/// <summary>Carries steps out at clusters: as the user of the policy, within what command policies allow here; the site holds its own against it too. Thread-safe.</summary>
/// <param name="entry">The cluster whose control API has the policies.</param>
/// <param name="sites">The APIs of clusters.</param>
/// <param name="access">The command policies in force here.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it logs.</param>
internal sealed class NamespaceDoer(string entry, SiteClient sites, ICommandAccess access, TimeProvider time, ILogger log)
{
    /// <summary>So long what was done may take to be reported before it is done again.</summary>
    public static readonly TimeSpan Sent = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Later = TimeSpan.FromMinutes(5); // somebody has to change something first
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private long _count;

    /// <summary>Carries a step out.</summary>
    public async Task<NamespaceOutcome> DoAsync(string cluster, PlannedStep planned, CancellationToken ct)
    {
        var (name, step) = (planned.Namespace, planned.Step);
        var (method, url) = step.Deed switch
        {
            NamespaceDeed.Create => ("POST", Kinds.Namespaces.Path(null)),
            NamespaceDeed.Change => ("PATCH", Kinds.Namespaces.Path(null, name)),
            _ => ("DELETE", Kinds.Namespaces.Path(null, name)),
        };
        var verdict = await access.JudgeAsync(
            new Command
            {
                Entry = entry, CommandUid = string.Create(CultureInfo.InvariantCulture, $"namespaces-{Interlocked.Increment(ref _count)}"), Selector = cluster, Destination = "api", Method = method, Url = url,
                Requester = planned.Policy.Requester, DisplayName = $"namespacepolicy {planned.Policy.Name}",
            },
            [cluster], ct).ConfigureAwait(false);
        if (verdict.Refused.Contains(cluster))
        {
            return new NamespaceOutcome("Forbidden", verdict.Text, Later);
        }

        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            using var api = sites(cluster, planned.Policy.Requester);
            await DoAsync(api, name, step, either.Token).ConfigureAwait(false);
            log.NamespaceDone(step.Deed, name, cluster, planned.Policy.Name);
            return new NamespaceOutcome("Sent", "it is done there, and not reported yet", Sent);
        }
        catch (KubeStatusException taken) when (taken.Code == 409)
        {
            return new NamespaceOutcome("Sent", $"it is another there than was reported, which is about to be: {taken.Message}", Sent);
        }
        catch (KubeStatusException away) when (away.Code is 429 or >= 500)
        {
            return new NamespaceOutcome("Unreachable", away.Message, Soon, IsAway: true);
        }
        catch (KubeStatusException refused)
        {
            log.NamespaceNotDone(step.Deed, name, cluster, planned.Policy.Name, refused.Message);
            return new NamespaceOutcome(refused.Code == 403 ? "Forbidden" : "Refused", $"as {planned.Policy.Requester.User}: {refused.Message}", Later);
        }
        catch (Exception lost) when (lost is HttpRequestException or IOException || (lost is OperationCanceledException && !ct.IsCancellationRequested))
        {
            var refusal = LivePool.Refusal(lost);
            return new NamespaceOutcome(
                "Unreachable", refusal?.Message ?? (patience.IsCancellationRequested ? $"it has not answered within {(int)Patience.TotalSeconds} s" : lost.GetBaseException().Message), refusal is { IsForGood: true } ? Later : Soon, IsAway: true);
        }
    }

    private static async Task DoAsync(KubeClient api, string name, NamespaceStep step, CancellationToken ct)
    {
        switch (step.Deed)
        {
            case NamespaceDeed.Create:
                await api.CreateAsync(Kinds.Namespaces, null, step.Body!.Copy(), ct).ConfigureAwait(false);
                break;
            case NamespaceDeed.Change:
                await api.PatchAsync(Kinds.Namespaces, null, name, PatchKind.Merge, step.Body!, ct).ConfigureAwait(false);
                break;
            default:
                await api.DeleteAsync(Kinds.Namespaces, null, name, ct, step.Uid).ConfigureAwait(false);
                break;
        }
    }
}
