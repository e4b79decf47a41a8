using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>Answers what only pods have: binding to a node, and eviction, which is a deletion that minds disruption budgets.</summary>
internal sealed class PodHandler(IObjectStore store, ObjectWriter writer, DeleteHandler deletion, ApiServerOptions options, DisruptionBudgets budgets)
{
    public async Task BindAsync(ApiRequest request)
    {
        var bytes = await Body.ReadAsync(request.Context.Request, options.MaxBodyBytes, request.Aborted).ConfigureAwait(false);
        var binding = Body.ParseObject(bytes, Body.MediaType(request.Context.Request), options.MaxDepth);
        var node = binding.Text("target", "name") is { Length: > 0 } name ? name : throw ApiError.BadRequest("target.name: Required value");
        // A write of the subresource: what may not change in a pod's spec otherwise is set here, once.
        await writer.UpdateAsync(request.Write() with { Subresource = "binding" }, request.Name, pod =>
        {
            if (pod.Text("spec", "nodeName") is { Length: > 0 } bound)
            {
                throw ApiError.Conflict(request.Kind, request.Name, $"pod {request.Name} is already assigned to node \"{bound}\"");
            }

            pod.Child("metadata").Remove("resourceVersion");
            pod.Child("spec")["nodeName"] = node;
            return pod;
        }).ConfigureAwait(false);
        await SuccessAsync(request).ConfigureAwait(false);
    }

    public async Task EvictAsync(ApiRequest request)
    {
        var bytes = await Body.ReadAsync(request.Context.Request, options.MaxBodyBytes, request.Aborted).ConfigureAwait(false);
        var eviction = Body.ParseObject(bytes, Body.MediaType(request.Context.Request), options.MaxDepth);
        if (eviction.Name() is { Length: > 0 } other && other != request.Name)
        {
            throw ApiError.BadRequest($"name in URL does not match name in Eviction object: {other}"); // the real server's words, but for the name
        }

        var stored = await store.FindAsync(request.Key, request.Aborted).ConfigureAwait(false) ?? throw ApiError.NotFound(request.Kind, request.Name);
        var asked = DeleteHandler.Read(request, eviction["deleteOptions"] as JsonObject ?? []);
        await budgets.SpendAsync(ObjectForm.Parse(stored.Json, request.Kind), asked.Context.DryRun, request.Aborted).ConfigureAwait(false);
        await deletion.EvictAsync(request, asked).ConfigureAwait(false);
        await SuccessAsync(request).ConfigureAwait(false);
    }

    private static Task SuccessAsync(ApiRequest request) => Answers.JsonAsync(
        request.Context, 201, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["code"] = 201 });
}
