using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Live;

/// <summary>Says under which names an object is shown that somebody called as its cluster does, without saying which cluster that is.</summary>
internal static class ShownNames
{
    private const int PageSize = 500;
    private const int MostPages = 10; // a hint is not worth more of a large fleet's lists
    private const int MostNamed = 3;
    private const string OwnName = "ote.baidu.com/name";
    private const string Cluster = "ote.baidu.com/cluster";

    /// <summary>What to do about an object that is not found where those of all clusters are shown; what cannot be asked counts as nothing found.</summary>
    internal static async Task<string> HintAsync(Invocation run, ResourceRef kind, string? ns, string name, CancellationToken cancellation)
    {
        var found = new List<(string Shown, string Cluster)>();
        try
        {
            string? token = "";
            for (var page = 0; page < MostPages && token is not null && found.Count <= MostNamed; page++)
            {
                token = await PageAsync(run, $"{kind.Path(ns)}?limit={PageSize}{(token.Length == 0 ? "" : "&continue=" + Uri.EscapeDataString(token))}", name, found, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception none) when (none is KubeStatusException || (Trouble.IsUnreachable(none) && !cancellation.IsCancellationRequested))
        {
            // The general words do.
        }

        return found switch
        {
            [] => $"objects of clusters are shown as NAME-CLUSTER ({run.World.ProgramName} get {kind.Plural}): give that name, or --cluster with the one it has in its cluster",
            [var (shown, cluster)] => $"it is shown as {shown}: give that name, or --cluster {cluster}",
            _ => $"it is shown as {string.Join(", ", found.Take(MostNamed).Select(f => f.Shown))}{(found.Count > MostNamed ? " and others" : "")}: give one of these names, or --cluster",
        };
    }

    /// <summary>Reads a page, and tells how the next is asked for; null: there is none.</summary>
    private static async Task<string?> PageAsync(Invocation run, string path, string name, List<(string Shown, string Cluster)> found, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io, application/json");
        using var answer = await run.Api.OpenAsync(request, $"GET {path}", cancellation).ConfigureAwait(false);
        var stream = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var page = await JsonNode.ParseAsync(stream, cancellationToken: cancellation).ConfigureAwait(false) as JsonObject ?? throw new JsonException("no JSON object came");
            found.AddRange((page.Items("items") ?? []).OfType<JsonObject>().Where(i => i.Annotation(OwnName) == name).Select(i => (i.Name(), i.Annotation(Cluster) ?? "")));
            return page.Text("metadata", "continue") is { Length: > 0 } next ? next : null;
        }
    }
}
