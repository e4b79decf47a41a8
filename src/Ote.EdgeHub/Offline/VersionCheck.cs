using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Cache;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Offline;

/// <summary>
/// Sees, before copies are followed on, whether the API server still counts its versions from where they are. One whose etcd was restored from a backup, or lost, counts from further back: a watch from a version that is yet to come says nothing until
/// then, and what was undone meanwhile is never told. One request each time that the node comes back.
/// </summary>
/// <param name="cache">The copies.</param>
/// <param name="node">The kubelet's credentials.</param>
/// <param name="name">The node.</param>
/// <param name="log">Where it is told.</param>
internal sealed class VersionCheck(NodeCache cache, KubeClient node, string name, ILogger log)
{
    /// <summary>Looks; where versions went back, each copy is in doubt from then on: it is listed anew as a whole, and watches from before are expired (410).</summary>
    /// <exception cref="HttpRequestException">No API server answered.</exception>
    public async Task LookAsync(CancellationToken ct)
    {
        if (cache.Newest is not (> 0 and var newest))
        {
            return;
        }

        // A list at no version is at the newest there is; this one brings one object's metadata at most.
        using var message = new HttpRequestMessage(HttpMethod.Get, $"api/v1/nodes?fieldSelector=metadata.name%3D{Uri.EscapeDataString(name)}&limit=1");
        message.Headers.TryAddWithoutValidation("Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io, application/json");
        try
        {
            using var answer = await node.OpenAsync(message, "list nodes", ct).ConfigureAwait(false);
            var list = JsonNode.Parse(await answer.Content.ReadAsByteArrayAsync(ct).ConfigureAwait(false));
            if (long.TryParse(list.Text("metadata", "resourceVersion"), NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0 && version < newest)
            {
                log.VersionsWentBack(newest, version);
                cache.Doubt();
            }
        }
        catch (KubeStatusException)
        {
            // Who may not ask, or is to ask later, learns nothing by it.
        }
    }
}
