using System.Net;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Cluster.Handling;

/// <summary>
/// Whether the control API knows the kinds that a controller reads and writes there. On a real cluster <c>otectl install</c> brings them; until it
/// has, nothing works, and that is said once, in one line, rather than by each kind's watch. Thread-safe.
/// </summary>
/// <param name="api">The control API.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it is said.</param>
internal sealed class ControlDefinitions(KubeClient api, TimeProvider time, ILogger log)
{
    private const string Group = "/apis/ote.baidu.com/v1";
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    private static readonly ResourceRef[] Needed = [Kinds.Clusters, Kinds.ClusterControllers, Kinds.ClusterControllerResults, Kinds.JoinTokens];
    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _fault = "its control API has not answered yet";

    /// <summary>What is wrong, for people; null: nothing.</summary>
    public string? Fault => _fault;

    /// <summary>Completes when all are there; they are taken to stay then.</summary>
    public Task Known => _known.Task;

    /// <summary>Looks until all are there, then waits to be stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        string? said = null;
        while (true)
        {
            _fault = await LookAsync(stop).ConfigureAwait(false);
            if (_fault is null)
            {
                _known.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, time, stop).ConfigureAwait(false);
            }

            if (_fault is { } fault && fault != said)
            {
                log.DefinitionsMissing(said = fault);
            }

            await Task.Delay(LookEvery, time, stop).ConfigureAwait(false);
        }
    }

    private async Task<string?> LookAsync(CancellationToken stop)
    {
        try
        {
            var known = (await api.SendAsync(HttpMethod.Get, Group, null, null, stop).ConfigureAwait(false)).Items("resources")?.Select(r => r.Text("name")).ToHashSet(StringComparer.Ordinal) ?? [];
            return Missing([.. Needed.Select(n => n.Plural).Where(n => !known.Contains(n))]);
        }
        catch (KubeStatusException unknown) when (unknown.Code == (int)HttpStatusCode.NotFound)
        {
            return Missing([.. Needed.Select(n => n.Plural)]);
        }
        catch (Exception away) when (away is KubeStatusException or HttpRequestException or IOException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return $"its control API does not say what it knows: {away.Message}";
        }
    }

    private static string? Missing(string[] names) => names.Length == 0 ? null
        : $"its control API does not know {string.Join(", ", names)}; otectl install --kubeconfig FILE brings the definitions, and this goes on by itself then";
}
