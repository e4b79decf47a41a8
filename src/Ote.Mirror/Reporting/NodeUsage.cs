using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Mirror.Reporting;

/// <summary>Asks a cluster what its nodes use, where it has a metrics server (<c>metrics.k8s.io/v1beta1</c>).</summary>
/// <param name="client">The cluster.</param>
/// <param name="tally">Told what was measured.</param>
/// <param name="time">The clock.</param>
internal sealed class NodeUsage(KubeClient client, ClusterTally tally, TimeProvider time)
{
    /// <summary>From one look to the next: metrics servers measure no more often.</summary>
    public static readonly TimeSpan Each = TimeSpan.FromMinutes(1);

    /// <summary>Where there is none, it is asked again after this.</summary>
    public static readonly TimeSpan LookAgain = TimeSpan.FromMinutes(5);

    private const string Path = "apis/metrics.k8s.io/v1beta1/nodes";

    /// <summary>Asks until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(await LookAsync(stop).ConfigureAwait(false) ? Each : LookAgain, time, stop).ConfigureAwait(false);
        }
    }

    private async Task<bool> LookAsync(CancellationToken stop)
    {
        try
        {
            var nodes = await client.SendAsync(HttpMethod.Get, Path, null, null, stop).ConfigureAwait(false);
            tally.Measured((nodes.Items("items") ?? []).Select(n => n.At("usage")).OfType<JsonObject>());
            return true;
        }
        catch (HttpRequestException)
        {
            return true; // it does not answer: what it used last stands, as its other figures do
        }
        catch (KubeStatusException)
        {
            tally.Measured(null); // there is no metrics server, or it is not for this shim
            return false;
        }
    }
}
