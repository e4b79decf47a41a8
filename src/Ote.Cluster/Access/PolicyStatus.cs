using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Watching;

namespace Ote.Cluster.Access;

/// <summary>
/// Says in each policy's status whether it can be understood: condition <c>InForce</c>, with its faults. Nothing depends on it; an API where it
/// cannot be written goes without. Thread-safe.
/// </summary>
/// <param name="api">The control API.</param>
/// <param name="kind">Of the policies.</param>
/// <param name="faults">What is wrong with one.</param>
/// <param name="remark">What should be known of one that can be understood, such as that it is about nobody; null: nothing.</param>
/// <param name="policies">Those there are.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where it logs.</param>
internal sealed class PolicyStatus(
    KubeClient api, ResourceRef kind, Func<JsonObject, IReadOnlyList<string>> faults, Func<JsonObject, string?> remark, Informer policies, TimeProvider time, Func<double> random, ILogger log) : IDisposable
{
    private readonly WorkQueue<string> _queue = new(time, random);

    /// <summary>Tells of this policy soon.</summary>
    public void Look(JsonObject policy) => _queue.Add(policy.Name());

    /// <summary>Tells until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => new Reconciler("policy status", _queue, TellAsync, 1, log).RunAsync(stop);

    public void Dispose() => _queue.Dispose();

    private async Task<Next> TellAsync(string name, CancellationToken ct)
    {
        if (policies.Get(name) is not { } policy)
        {
            return Next.Done;
        }

        var wrong = faults(policy);
        var status = policy["status"] is JsonObject told ? told.Copy() : [];
        var changed = wrong.Count == 0
            ? Conditions.SetCondition(status, "InForce", true, "Understood", remark(policy) is { } note ? $"what it allows is allowed; {note}" : "what it allows is allowed", time.GetUtcNow())
            : Conditions.SetCondition(status, "InForce", false, "Faulty", $"it allows nothing until this is mended: {string.Join("; ", wrong)}", time.GetUtcNow());
        if (!changed && status.Whole("observedGeneration") == policy.Generation())
        {
            return Next.Done;
        }

        status["observedGeneration"] = policy.Generation();
        try
        {
            await api.PatchAsync(kind, null, name, PatchKind.Merge, new JsonObject { ["status"] = status }, ct, "status").ConfigureAwait(false);
        }
        catch (KubeStatusException cannot) when (cannot.IsNotFound || cannot.Code == 403)
        {
            // The policy is gone, or a definition or a role of before is installed: otectl install brings those of now.
            log.PolicyStatusNotWritten(kind.Kind, name, cannot.Message);
        }

        return Next.Done;
    }
}
