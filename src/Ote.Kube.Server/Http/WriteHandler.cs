using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>Answers create, update and patch, of objects and of their status and scale.</summary>
internal sealed class WriteHandler(IObjectStore store, ObjectWriter writer, ApiServerOptions options)
{
    public async Task CreateAsync(ApiRequest request)
    {
        var obj = await ReadObjectAsync(request).ConfigureAwait(false);
        request.Audit?.Of(obj);
        var written = await writer.CreateAsync(request.Write(), obj).ConfigureAwait(false);
        request.Audit?.Made(written.Json);
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

        // Before it is looked whether the object is there.
        if (obj.Name() is { Length: > 0 } name && name != request.Name)
        {
            throw ApiError.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        }

        var written = await writer.ReplaceAsync(request.Write(), request.Name, obj).ConfigureAwait(false);
        await AnswerAsync(request, written).ConfigureAwait(false);
    }

    public async Task PatchAsync(ApiRequest request)
    {
        var type = Body.MediaType(request.Context.Request);
        request.CheckPatchOptions(type == PatchReader.Apply);
        var body = await Body.ReadAsync(request.Context.Request, options.MaxBodyBytes, request.Aborted).ConfigureAwait(false);
        if (type == PatchReader.Apply)
        {
            await ApplyAsync(request, PatchReader.ReadApplied(body, options.MaxDepth)).ConfigureAwait(false);
            return;
        }

        var patch = PatchReader.Read(type, body, request.Kind, options.MaxDepth);
        if (request.Path.Subresource is "scale")
        {
            await ScaleAsync(request, patch.Change).ConfigureAwait(false);
            return;
        }

        var written = await writer.UpdateAsync(request.Write(), request.Name, patch.Change, patch.SeesManagers).ConfigureAwait(false);
        await AnswerAsync(request, written).ConfigureAwait(false);
    }

    public async Task GetScaleAsync(ApiRequest request)
    {
        var stored = await store.FindAsync(request.Key, request.Aborted).ConfigureAwait(false) ?? throw ApiError.NotFound(request.Kind, request.Name);
        await Answers.JsonAsync(request.Context, 200, ScaleView.Of(request.Kind, ObjectForm.Parse(stored.Json, request.Kind))).ConfigureAwait(false);
    }

    private async Task ApplyAsync(ApiRequest request, JsonObject applied)
    {
        if (request.Path.Subresource is "scale")
        {
            ApplyRules.Check(ScaleOwnership.Kind, "Scale", request.Name, applied);
            await ScaleAsync(request, static scale => scale, applied).ConfigureAwait(false);
            return;
        }

        ApplyRules.Check(TypedKind.Of(request.Kind, request.Path.Subresource), request.Kind.Kind, request.Name, applied);
        var written = await writer.ApplyAsync(request.Write(), request.Name, applied, request.Force).ConfigureAwait(false);
        await AnswerAsync(request, written).ConfigureAwait(false);
    }

    private async Task ScaleAsync(ApiRequest request, Func<JsonObject, JsonObject> change, JsonObject? applied = null)
    {
        var written = await writer.ScaleAsync(request.Write(), request.Name, change, applied, request.Force).ConfigureAwait(false);
        await Answers.JsonAsync(request.Context, 200, ScaleView.Of(request.Kind, ObjectForm.Parse(written.Json, request.Kind))).ConfigureAwait(false);
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
