using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>Answers create, update and patch, of objects and of their status and scale.</summary>
internal sealed class WriteHandler(ObjectStore store, ObjectWriter writer, ApiServerOptions options)
{
    public async Task CreateAsync(ApiRequest request)
    {
        var obj = await ReadObjectAsync(request).ConfigureAwait(false);
        var written = await writer.CreateAsync(request.Write(), obj).ConfigureAwait(false);
        await AnswerAsync(request, written).ConfigureAwait(false);
    }

    public async Task UpdateAsync(ApiRequest request)
    {
        var obj = await ReadObjectAsync(request).ConfigureAwait(false);
        if (request.Path.Subresource is "scale")
        {
            await ScaleAsync(request, _ => obj).ConfigureAwait(false);
            return;
        }

        var written = await writer.ReplaceAsync(request.Write(), request.Name, obj).ConfigureAwait(false);
        await AnswerAsync(request, written).ConfigureAwait(false);
    }

    public async Task PatchAsync(ApiRequest request)
    {
        var body = await Body.ReadAsync(request.Context.Request, options.MaxBodyBytes, request.Aborted).ConfigureAwait(false);
        var type = Body.MediaType(request.Context.Request);
        var patch = PatchReader.Read(type, body, request.Kind, options.MaxDepth);
        if (request.Path.Subresource is "scale")
        {
            await ScaleAsync(request, patch).ConfigureAwait(false);
            return;
        }

        var written = type == PatchReader.Apply
            ? await ApplyAsync(request, PatchReader.ParseApplied(body), patch).ConfigureAwait(false)
            : await writer.UpdateAsync(request.Write(), request.Name, patch).ConfigureAwait(false);
        await AnswerAsync(request, written).ConfigureAwait(false);
    }

    public async Task GetScaleAsync(ApiRequest request)
    {
        var stored = await store.FindAsync(request.Key, request.Aborted).ConfigureAwait(false) ?? throw ApiError.NotFound(request.Kind, request.Name);
        await Answers.JsonAsync(request.Context, 200, ScaleView.Of(request.Kind, ObjectForm.Parse(stored.Json, request.Kind))).ConfigureAwait(false);
    }

    private async Task<Written> ApplyAsync(ApiRequest request, JsonObject applied, Func<JsonObject, JsonObject> patch)
    {
        if (request.Query.Text("fieldManager") is null)
        {
            throw new ApiError(
                422, "Invalid", "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch", new JsonObject());
        }

        var context = request.Write("Apply");
        try
        {
            return await writer.UpdateAsync(context, request.Name, patch).ConfigureAwait(false);
        }
        catch (ApiError missing) when (missing.Code == 404 && request.Path.Subresource is null)
        {
            if (applied.Uid().Length > 0)
            {
                throw ApiError.Conflict(request.Kind, request.Name, "uid mismatch: the provided object specified uid " + applied.Uid() + ", and no existing object was found");
            }
        }

        if (applied.Name() is var name && name != request.Name)
        {
            throw ApiError.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        }

        return await writer.CreateAsync(context, applied).ConfigureAwait(false);
    }

    private async Task ScaleAsync(ApiRequest request, Func<JsonObject, JsonObject> change)
    {
        var kind = request.Kind;
        var written = await writer.UpdateAsync(request.Write(), request.Name, obj => ScaleView.Into(kind, obj, change(ScaleView.Of(kind, obj)))).ConfigureAwait(false);
        await Answers.JsonAsync(request.Context, 200, ScaleView.Of(kind, ObjectForm.Parse(written.Json, kind))).ConfigureAwait(false);
    }

    private async Task<JsonObject> ReadObjectAsync(ApiRequest request)
    {
        var type = Body.MediaType(request.Context.Request);
        var bytes = await Body.ReadAsync(request.Context.Request, options.MaxBodyBytes, request.Aborted).ConfigureAwait(false);
        return Body.ParseObject(bytes, type, options.MaxDepth);
    }

    private static async Task AnswerAsync(ApiRequest request, Written written)
    {
        if (request.Kind.DeprecationWarning is { } deprecated)
        {
            Answers.Warn(request.Context, deprecated);
        }

        await Answers.JsonAsync(request.Context, written.Created ? 201 : 200, ObjectForm.InVersion(written.Json, request.Kind)).ConfigureAwait(false);
    }
}
