using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Node.Install;

/// <summary>What a hub that tells its site of itself has written on its Node: where it is and whom it reaches.</summary>
/// <param name="Node">The Node's name.</param>
/// <param name="Kubeconfig">The kubelet's own, who may change its Node.</param>
internal sealed record NodeAnnotations(string Node, string Kubeconfig)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly string[] s_names = ["ote.baidu.com/edgehub", "ote.baidu.com/edgehub-ca-sha256", "ote.baidu.com/witness"];

    /// <summary>The command by which somebody else removes them.</summary>
    public string Command => $"`kubectl annotate node {Node} {string.Join(' ', s_names.Select(name => name + "-"))}`";

    /// <summary>Those of an installed hub; null: its unit names no kubelet's kubeconfig.</summary>
    /// <param name="unit">The unit's text; null: there is none.</param>
    public static NodeAnnotations? Of(string? unit) => unit is not null && HubUnit.KubeconfigsOf(unit).FirstOrDefault() is { } kubelet ? new NodeAnnotations(HubUnit.NodeOf(unit), kubelet) : null;

    /// <summary>Removes them with the kubelet's credentials at its API server, within five seconds. Those that are not there are no fault.</summary>
    /// <param name="annotations">Of which Node.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>Why they could not be removed; null: they are gone.</returns>
    public static async Task<string?> RemoveAsync(NodeAnnotations annotations, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        try
        {
            using var client = new KubeClient(Kube.Client.Kubeconfig.Load(annotations.Kubeconfig).CreateHttpClient(TimeProvider.System), "ote-node");
            await client.PatchAsync(Kinds.Nodes, null, annotations.Node, PatchKind.Merge, Patch(), patience.Token).ConfigureAwait(false);
            return null;
        }
        catch (KubeStatusException gone) when (gone.Code == 404)
        {
            return null;
        }
        catch (Exception refused) when (refused is KubeStatusException or KubeconfigException or HttpRequestException or IOException || (refused is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return refused is OperationCanceledException ? $"no answer within {Patience.TotalSeconds:0} s" : refused.GetBaseException().Message;
        }
    }

    /// <summary>A merge patch (RFC 7386) that takes them away.</summary>
    internal static JsonObject Patch() => new()
    {
        ["metadata"] = new JsonObject { ["annotations"] = new JsonObject([.. s_names.Select(name => KeyValuePair.Create<string, JsonNode?>(name, null))]) },
    };
}
