using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Selectors;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Aggregation;

/// <summary>
/// The clusters of whose objects a user may ask: all, by the verb on <c>clusters/KIND</c> without a name, or those by whose name it may. Of a named object that is its own cluster or none, so that who may not see one
/// does not learn that it is there. Of a list, only the clusters that its selector names are asked about. Thread-safe.
/// </summary>
internal sealed class ClustersAllowed(ObjectSources sources, AccessReviews reviews)
{
    /// <summary>Most clusters of which it is asked one by one.</summary>
    public const int MostAsked = 1000;

    /// <summary>The clusters; null: all.</summary>
    /// <param name="request">The request.</param>
    /// <param name="verb">What it asks for.</param>
    /// <exception cref="ApiError">403 when there is none, or too many to be asked about.</exception>
    public async Task<IReadOnlySet<string>?> OfAsync(ApiRequest request, string verb)
    {
        var path = request.Path;
        var own = request.Kind.Shows ?? request.Kind;
        var resource = path.Subresource is null ? path.Plural : $"{path.Plural}/{path.Subresource}";
        var meant = new AccessRequest(RequestVerb.Opens(path) ? "create" : verb, ClusterPart.Group, ClusterPart.Of(own.Group, own.Plural, path.Subresource), path.Namespace, null);
        var all = await AskAsync(request, meant).ConfigureAwait(false);
        if (all.Allowed)
        {
            return null;
        }

        var names = await NamesAsync(request).ConfigureAwait(false);
        if (names.Count > MostAsked)
        {
            throw AccessRefusal.Of(
                request.User, verb, path, resource, path.Namespace,
                $"{meant.Verb} of {meant.Resource} in group {meant.Group} is not allowed to you of all clusters, and of {names.Count} it is not asked one by one: name those you mean, such as -l '{ObjectOrigin.ClusterLabel} in (a,b)'");
        }

        var answers = await Task.WhenAll(names.Select(async name => (Name: name, await AskAsync(request, meant with { Name = name }).ConfigureAwait(false)))).ConfigureAwait(false);
        var allowed = answers.Where(a => a.Item2.Allowed).Select(a => a.Name).ToHashSet(StringComparer.Ordinal);
        return allowed.Count > 0 ? allowed : throw AccessRefusal.Of(
            request.User, verb, path, resource, path.Namespace,
            all.Reason.Length > 0 ? all.Reason : $"whose objects you see says {meant.Verb} of {meant.Resource} in group {meant.Group}, by the cluster's name");
    }

    private async ValueTask<AccessAnswer> AskAsync(ApiRequest request, AccessRequest asked)
    {
        var answer = await reviews.AskAsync(request.User, asked, request.Aborted).ConfigureAwait(false);
        if (request.Audit is { } trail && trail.Decision is not { Allowed: true })
        {
            trail.Decision = (answer.Allowed, answer.Allowed && answer.Reason.Length == 0 ? $"{asked.Verb} of {asked.Resource}" : answer.Reason);
        }

        return answer;
    }

    private async ValueTask<IReadOnlyCollection<string>> NamesAsync(ApiRequest request)
    {
        var source = sources.Of(request);
        // Of a moment that is not kept it is not known whose an object was: who may see those of some cluster is told so, as for a list.
        if (request.Path.Name is not null && (request.At is null || request.At >= source.KeptSince))
        {
            try
            {
                return await source.FindAsync(request.Key, request.At, request.Aborted).ConfigureAwait(false) is { } stored && source.OriginOf(stored) is { } origin ? [origin.Cluster] : [];
            }
            catch (ApiError several) when (several.Code == 409)
            {
                return []; // clusters that have one of that name are named to who may see all
            }
        }

        var there = await source.ClustersAsync(request.Aborted).ConfigureAwait(false);
        return Selected(request) is { } wanted ? [.. there.Where(wanted.Contains)] : there;
    }

    private static HashSet<string>? Selected(ApiRequest request)
    {
        try
        {
            return LabelSelector.Parse(request.Query.Text("labelSelector") ?? "").Requirements
                .FirstOrDefault(r => r is { Key: ObjectOrigin.ClusterLabel, Operator: LabelOperator.In })?.Values.ToHashSet(StringComparer.Ordinal);
        }
        catch (SelectorException)
        {
            return null; // whoever may see something is told what is wrong with it
        }
    }
}
