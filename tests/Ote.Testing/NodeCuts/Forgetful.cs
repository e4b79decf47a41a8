using System.Net;
using System.Text;

namespace Ote.Testing.NodeCuts;

/// <summary>Stands before the hub and does to what it answers what <see cref="Sabotage"/> says.</summary>
internal sealed class Forgetful(CutWorld world, HttpMessageHandler hub) : DelegatingHandler(hub)
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        world.Plan.Sabotage == Sabotage.ForgetPods && request.Method == HttpMethod.Get && !world.Hub.IsConnected
            && request.RequestUri is { AbsolutePath: "/api/v1/pods" } asked && !asked.Query.Contains("watch=", StringComparison.Ordinal)
            ? Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = new StringContent("""{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}""", Encoding.UTF8, "application/json"),
            })
            : base.SendAsync(request, cancellationToken);
}
