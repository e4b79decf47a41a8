using System.Globalization;
using Ote.Cluster.Replicas;
using Ote.Ctl.Cli;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary>
/// Whether somebody keeps up what a control API says of clusters. An embedded API ends with its controller; on a real Kubernetes the objects of a root
/// whose replicas are all dead stay as they were, and only the age of the lease by which they lead tells.
/// </summary>
internal static class RootSign
{
    // A leader renews every two seconds.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Says on standard error when nobody leads the root. A lease that looks old, or of the future, is looked at twice: clocks may differ, and a leader that lives
    /// renews it meanwhile.
    /// </summary>
    /// <returns>Whether what the API shows is kept up, or nothing tells otherwise: there is no such lease, or it may not be read.</returns>
    internal static async Task<bool> IsThereAsync(Invocation run, CancellationToken cancellation)
    {
        if (await ReadAsync(run, cancellation).ConfigureAwait(false) is not { } first || IsFresh(first, run.Now))
        {
            return true;
        }

        var pause = Task.Delay(Look, run.World.Time, cancellation);
        run.Note($"the lease of the root is of {(first.Renewed.Length > 0 ? first.Renewed : "nobody")}; looking for {Durations.Format(Look)} whether it is renewed");
        await pause.ConfigureAwait(false);
        var second = await ReadAsync(run, cancellation).ConfigureAwait(false);
        if (second is null || (second != first && second.Holder.Length > 0))
        {
            return true;
        }

        run.Note(
            $"warning: nobody leads the root since {(second.Renewed.Length > 0 ? second.Renewed : "it was set up")} (lease {RootReplica.LeaseName} in {GlobalOptions.ControlNamespace}), so clusters are shown as they were then; "
            + "see that a replica of the root runs and reaches this API");
        return false;
    }

    private static bool IsFresh(LeaseRecord lease, DateTimeOffset now) =>
        lease.Holder.Length > 0
        && DateTimeOffset.TryParse(lease.Renewed, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var renewed)
        && (now - renewed).Duration() <= lease.Duration;

    private static async Task<LeaseRecord?> ReadAsync(Invocation run, CancellationToken cancellation)
    {
        try
        {
            return await run.Api.GetAsync(Kinds.Leases, GlobalOptions.ControlNamespace, RootReplica.LeaseName, cancellation).ConfigureAwait(false) is { } lease ? LeaseRecord.Of(lease) : null;
        }
        catch (KubeStatusException refused) when (refused.Code is 403 or 404)
        {
            return null;
        }
    }
}
