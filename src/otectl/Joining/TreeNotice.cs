using Ote.Ctl.Cli;
using Ote.Kube.Objects;

namespace Ote.Ctl.Joining;

/// <summary>What the root controller publishes for those who want to join: ConfigMap <c>ote-system/ote-tree</c>.</summary>
/// <param name="CaPin"><c>sha256:</c> and the hex hash of the CA's public key; null when not published.</param>
/// <param name="ParentAddress">Where the root listens for children, <c>host:port</c>; null when not published.</param>
internal sealed record TreeNotice(string? CaPin, string? ParentAddress)
{
    internal const string ConfigMap = "ote-tree";

    internal static async Task<TreeNotice> ReadAsync(Invocation run, CancellationToken cancellation)
    {
        var map = await run.Api.GetAsync(Kinds.ConfigMaps, GlobalOptions.ControlNamespace, ConfigMap, cancellation).ConfigureAwait(false);
        return new TreeNotice(map.Text("data", "caPin"), map.Text("data", "parentAddress"));
    }
}
