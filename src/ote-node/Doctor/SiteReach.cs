using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Node.Install;

namespace Ote.Node.Doctor;

/// <summary>Whether the other nodes of its site reach a node's hub, without which none of them can say whether it lives.</summary>
internal static class SiteReach
{
    private const string Label = "ote.baidu.com/site";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>That they do not; null: they do, or the node has no site. Pure.</summary>
    /// <param name="site">The node's site; null: none, or it is not known.</param>
    /// <param name="unit">The hub's unit.</param>
    public static string? Missing(string? site, string unit) =>
        site is null || HubUnit.ListenOf(unit) is not { } listen ? null
        : IPAddress.IsLoopback(listen.Address) ? $"this node has label {Label}={site}, and its hub listens at loopback: no other node can say whether it lives; install it with -- --listen NODE-ADDRESS:{listen.Port}"
        : (listen.Address.Equals(IPAddress.Any) || listen.Address.Equals(IPAddress.IPv6Any)) && !HubUnit.ValuesOf(unit, "--advertise").Any()
            ? $"this node has label {Label}={site}, and its hub listens everywhere without saying where: no other node can say whether it lives; install it with -- --advertise NODE-ADDRESS:{listen.Port} too"
        : null;

    /// <summary>The site that a Node names, asked of its hub by the kubelet's credentials for five seconds at most; null: none, or there was no answer.</summary>
    /// <param name="hub">The hub.</param>
    /// <param name="node">The Node's name.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<string?> SiteOfAsync(KubeEndpoint hub, string node, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        try
        {
            using var http = hub.CreateHttpClient(TimeProvider.System);
            using var answer = await http.GetAsync(new Uri($"api/v1/nodes/{node}", UriKind.Relative), patience.Token).ConfigureAwait(false);
            return answer.IsSuccessStatusCode ? (JsonNode.Parse(await answer.Content.ReadAsStringAsync(patience.Token).ConfigureAwait(false)) as JsonObject)?.Labels().Text(Label) : null;
        }
        catch (Exception unanswered) when (unanswered is HttpRequestException or IOException or JsonException || (unanswered is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return null; // That the hub or the API server does not answer is said where they are looked at.
        }
    }
}
