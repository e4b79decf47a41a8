using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>Stands before the API server and does to what is told on return what <see cref="Sabotage"/> says. One thread.</summary>
internal sealed class Saboteur(CutWorld world, HttpMessageHandler api) : DelegatingHandler(api)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // Of its own accord the hub writes when it merges, and then alone.
        var isMerge = request.Method != HttpMethod.Get && request.Headers.UserAgent.ToString().StartsWith("ote-node", StringComparison.Ordinal);
        if (world.Plan.Sabotage == Sabotage.None || !isMerge)
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }

        var path = request.RequestUri!.AbsolutePath.Split('/');
        switch (world.Plan.Sabotage, path)
        {
            case (Sabotage.LoseStatus, ["", "api", "v1", "namespaces", _, "pods", _, "status"]):
            case (Sabotage.LoseEvents, ["", "api", "v1", "namespaces", _, "events"]):
                return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("{}", Encoding.UTF8, "application/json") };
            case (Sabotage.Recreate, ["", "api", "v1", "namespaces", _, "pods", _, "status"]) when request.Method == HttpMethod.Patch:
            case (Sabotage.Resurrect, ["", "api", "v1", "namespaces", _, "pods", _]) when request.Method == HttpMethod.Delete:
                var pod = await world.Admin.GetAsync(Kinds.Pods, "default", path[6], cancellationToken).ConfigureAwait(false);
                var answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
                await AgainAsync(pod).ConfigureAwait(false);
                return answer;
            case (Sabotage.OverwriteUsers, ["", "api", "v1", "nodes", _, ..]):
                await world.Admin.PatchAsync(Kinds.Nodes, null, CutWorld.Node, PatchKind.Merge, CutWorld.Parse("""{"metadata":{"labels":{"users":"overwritten"}}}"""), cancellationToken).ConfigureAwait(false);
                return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            default:
                return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task AgainAsync(JsonObject? pod)
    {
        if (pod is null)
        {
            return;
        }

        await Centre.EraseAsync(world.Admin, pod).ConfigureAwait(false);
        foreach (var own in (string[])["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"])
        {
            pod.Child("metadata").Remove(own);
        }

        await world.Admin.CreateAsync(Kinds.Pods, "default", pod, CancellationToken.None).ConfigureAwait(false);
    }
}
