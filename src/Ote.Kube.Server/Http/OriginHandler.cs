using Microsoft.AspNetCore.Http;

namespace Ote.Kube.Server.Http;

/// <summary>
/// What is asked of an object that is shown from elsewhere goes to its cluster, under the name it has there, and comes back by report. A body names things as the cluster has
/// them: one that replaces the whole object would give it the name it has here, and is refused. So is one that would take away there what is not shown here.
/// </summary>
internal sealed class OriginHandler(Store.ObjectSources sources, IClusterGate? clusters, TimeProvider time)
{
    /// <summary>Has the object's cluster answer.</summary>
    /// <exception cref="ApiError">There is no such object, or it is not changed from here.</exception>
    public async Task HandleAsync(ApiRequest request, string verb)
    {
        var isWhole = verb is "create" or "update" && request.Path.Subresource is null;
        if (clusters is null || request.Path.Name is null || isWhole)
        {
            throw ApiError.OfClusters(request.Kind);
        }

        var source = sources.Of(request);
        var stored = await source.FindAsync(request.Key, request.Aborted).ConfigureAwait(false) ?? throw Missing(request, verb);
        var origin = source.OriginOf(stored) ?? throw ApiError.OfClusters(request.Kind);
        var body = await OriginBody.TranslateAsync(request.Context.Request, request.Path, request.Kind, origin, request.Aborted).ConfigureAwait(false);
        var there = request.Kind.Shows is { } own ? request.Path with { Group = own.Group, Version = own.Version } : request.Path;
        var path = there.Target(origin.Name, origin.ApiVersion);
        await HiddenFieldsCheck.CheckAsync(clusters, request, verb, origin, (there with { Subresource = null }).Target(origin.Name, origin.ApiVersion), body, new HiddenFields(source.NotShown(request.Resource))).ConfigureAwait(false);
        var target = path + request.Context.Request.QueryString.ToUriComponent();
        AskForJson(request.Context.Request);
        if (IsStream(request.Path))
        {
            await StreamedAnswer.ForwardAsync(clusters, request, origin, target).ConfigureAwait(false);
        }
        else
        {
            var changes = verb is "update" or "patch" or "delete" && request.Query.Text("dryRun") is null;
            await HeldAnswer.ForwardAsync(clusters, request, origin, target, source, changes ? stored : null, time).ConfigureAwait(false);
        }
    }

    /// <summary>To apply what is not there would make it, and nothing is made here.</summary>
    private static ApiError Missing(ApiRequest request, string verb) =>
        verb == "patch" && request.Path.Subresource is null && Body.MediaType(request.Context.Request) == PatchReader.Apply ? ApiError.OfClusters(request.Kind) : ApiError.NotFound(request.Kind, request.Name);

    private static bool IsStream(ResourcePath path) => path.Subresource == "log" || RequestVerb.Opens(path);

    /// <summary>A packed answer would keep the name that the object has at its cluster; whoever takes such takes JSON too, as all answers of this server are.</summary>
    private static void AskForJson(HttpRequest request)
    {
        var types = request.Headers.Accept.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (types.Where(t => !t.StartsWith("application/vnd.kubernetes.protobuf", StringComparison.Ordinal)).ToArray() is { Length: > 0 } others && others.Length < types.Length)
        {
            request.Headers.Accept = string.Join(", ", others);
        }
    }
}
