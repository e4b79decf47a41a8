using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Schema.Validation;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>Answers delete and deletecollection.</summary>
internal sealed class DeleteHandler(IObjectStore store, ObjectWriter writer, ApiServerOptions options)
{
    public async Task DeleteAsync(ApiRequest request)
    {
        var (preconditions, grace, context) = await ReadOptionsAsync(request).ConfigureAwait(false);
        var written = await writer.DeleteAsync(context, request.Name, preconditions, grace).ConfigureAwait(false);
        if (!written.Gone || request.Kind is { Group: "", Plural: "pods" })
        {
            await Answers.JsonAsync(request.Context, 200, ObjectForm.InVersion(written.Json, request.Kind)).ConfigureAwait(false);
            return;
        }

        var details = new JsonObject { ["name"] = request.Name };
        if (request.Kind.Group.Length > 0)
        {
            details["group"] = request.Kind.Group;
        }

        details["kind"] = request.Kind.Plural;
        details["uid"] = ObjectForm.Parse(written.Json, request.Kind).Uid();
        await Answers.JsonAsync(request.Context, 200, new JsonObject
        {
            ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["details"] = details,
        }).ConfigureAwait(false);
    }

    /// <summary>Deletes the pod of an eviction request.</summary>
    public Task<Written> EvictAsync(ApiRequest request, DeleteAsked asked) => writer.DeleteAsync(asked.Context, request.Name, asked.Preconditions, asked.Grace);

    public async Task DeleteCollectionAsync(ApiRequest request)
    {
        var (preconditions, grace, context) = await ReadOptionsAsync(request).ConfigureAwait(false);
        var filter = ObjectFilter.Of(request);
        // What the answer names is bounded; what is deleted is not.
        var named = new List<JsonNode>();
        var left = request.Query.Number("limit") is > 0 and { } limit ? limit : long.MaxValue;
        await foreach (var page in StoreScan.PagesAsync(store, request.Resource, request.Kind.Namespaced ? request.Path.Namespace : null, request.Aborted).ConfigureAwait(false))
        {
            foreach (var stored in page.Where(row => filter.Matches(row.Key, row.Json)))
            {
                if (left-- <= 0)
                {
                    break;
                }

                try
                {
                    var written = await writer.DeleteAsync(context with { Namespace = stored.Key.Namespace }, stored.Key.Name, preconditions, grace).ConfigureAwait(false);
                    if (named.Count < options.MaxPage)
                    {
                        named.Add(ObjectForm.Parse(written.Json, request.Kind));
                    }
                }
                catch (ApiError gone) when (gone.Code == 404)
                {
                    // Someone else deleted it meanwhile: it is gone, as wanted.
                }
            }

            if (left <= 0)
            {
                break;
            }
        }

        await Answers.JsonAsync(request.Context, 200, new JsonObject
        {
            ["kind"] = request.Kind.ListKind,
            ["apiVersion"] = request.Kind.ApiVersion,
            ["metadata"] = new JsonObject { ["resourceVersion"] = $"{store.Revision}" },
            ["items"] = new JsonArray([.. named]),
        }).ConfigureAwait(false);
    }

    private async Task<DeleteAsked> ReadOptionsAsync(ApiRequest request)
    {
        var bytes = await Body.ReadAsync(request.Context.Request, options.MaxBodyBytes, request.Aborted).ConfigureAwait(false);
        return Read(request, bytes.Length == 0 ? [] : Body.ParseObject(bytes, Body.MediaType(request.Context.Request), options.MaxDepth));
    }

    /// <summary>What is asked by a request and its DeleteOptions, the latter first.</summary>
    public static DeleteAsked Read(ApiRequest request, JsonObject body)
    {
        var context = request.Write();
        if (Decoder.ErrorAt(body, request.Catalog.Data.Node("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"), "DeleteOptions", FieldPath.Root) is { } wrong)
        {
            throw ApiError.BadRequest(wrong);
        }

        if (body.Text("kind") is { Length: > 0 } kind && kind != "DeleteOptions")
        {
            throw ApiError.BadRequest("decoded object cannot be converted to DeleteOptions");
        }

        if (body.Items("dryRun") is { Count: > 0 } dry)
        {
            context = context with { DryRun = WriteOptions.DryRun([.. dry.Select(value => value.Text())], "DeleteOptions") };
        }

        // Options are read from the body, and without one from the query: never some from here and some from there.
        var policy = body.Count > 0 ? body.Text("propagationPolicy") : request.Query.Text("propagationPolicy");
        bool? orphans = body.Count > 0 ? body.Truth("orphanDependents") : request.Query.Text("orphanDependents") is null ? null : request.Query.Flag("orphanDependents");
        var propagation = (policy, orphans) switch
        {
            (null, null) => Propagation.Default,
            (null, true) => Propagation.Orphan,
            (null, false) => Propagation.Background,
            (not ("Orphan" or "Foreground" or "Background"), _) => throw Invalid(FieldError.NotSupported("propagationPolicy", policy, ["Foreground", "Background", "Orphan", "nil"])),
            (_, not null) => throw Invalid(FieldError.Invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set")),
            ("Orphan", _) => Propagation.Orphan,
            ("Foreground", _) => Propagation.Foreground,
            ("Background", _) => Propagation.Background,
        };
        var grace = body.Count > 0 ? body.Whole("gracePeriodSeconds") : request.Query.Number("gracePeriodSeconds");
        return new DeleteAsked(
            new DeletePreconditions(body.Text("preconditions", "uid"), body.Text("preconditions", "resourceVersion")), grace, context with { Propagation = propagation });

        static ApiError Invalid(FieldError fault) => ApiError.InvalidOptions("DeleteOptions", [fault]);
    }
}

/// <summary>How something is to be deleted.</summary>
/// <param name="Preconditions">What must be so.</param>
/// <param name="Grace">Seconds; null: the kind's own.</param>
/// <param name="Context">Who asks, how dependents follow, and whether nothing is to be written.</param>
internal sealed record DeleteAsked(DeletePreconditions Preconditions, long? Grace, WriteContext Context);
