using Ote.Cluster.Routing;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Kube.Client;

namespace Ote.Ctl.Applying;

/// <summary>Names that a selector spells out and that wait to be accepted: <c>get clusters</c> lists them, but no command is for them yet.</summary>
internal static class PendingNames
{
    private const int MostShown = 10;

    /// <summary>Says which they are and what to do; null when there are none. A run without unknown names costs no request, and who may not read clusters is told nothing.</summary>
    internal static async Task<string?> AdviceAsync(Invocation run, string selector, IReadOnlyList<Receipt> receipts, CancellationToken cancellation)
    {
        if (!receipts.Any(receipt => receipt.Command is { } command && (command.NothingMatched ?? command.UnknownNames) is not null)
            || !ClusterSelector.TryParse(selector, out var read, out _)
            || read?.ExactNames is not { } names)
        {
            return null;
        }

        try
        {
            var all = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
            string[] pending = [.. all.Where(cluster => cluster.Status == ClusterView.Pending && names.Contains(cluster.Name)).Select(cluster => cluster.Name)];
            return pending.Length == 0
                ? null
                : $"{string.Join(", ", pending.Take(MostShown))}{(pending.Length > MostShown ? ", ..." : "")} {(pending.Length == 1 ? "waits" : "wait")} to be accepted; "
                  + $"{run.World.ProgramName} accept {string.Join(' ', pending.Take(MostShown))}, then apply again";
        }
        catch (Exception unreadable) when (unreadable is KubeStatusException or CtlException or HttpRequestException)
        {
            return null; // what became of the command is known all the same, and told
        }
    }
}
