using System.Globalization;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>
/// The moment as of which a request wants objects: the query parameter <c>ote-at</c>, RFC 3339, whose seconds may be left out. What is kept of it says the source; nothing is answered as of
/// another moment than the one asked for.
/// </summary>
internal static class AskedMoment
{
    /// <summary>The parameter.</summary>
    public const string Parameter = "ote-at";

    private static readonly string[] Forms = ["yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    /// <summary>The moment; null when none is named.</summary>
    /// <exception cref="ApiError">400 for what is no moment.</exception>
    public static DateTimeOffset? Of(IQueryCollection query)
    {
        if (!query.TryGetValue(Parameter, out var values))
        {
            return null;
        }

        var text = values.Count == 1 ? values[0] ?? "" : string.Join(',', values.AsEnumerable());
        return text is [.., 'Z'] or [.., '+' or '-', _, _, ':', _, _]
            && DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment)
            ? moment
            : throw ApiError.BadRequest($"{Parameter}: Invalid value: {Schema.FieldError.Quote(text)}: write one moment as RFC 3339 has it, such as 2026-11-23T09:00:00Z");
    }

    /// <summary>Refuses a moment where it would be passed over.</summary>
    /// <param name="request">The request.</param>
    /// <param name="verb">What it asks for, in the words of RBAC.</param>
    /// <param name="source">Where the objects are read from.</param>
    /// <param name="isMirrored">Whether that is what clusters reported.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="ApiError">400 where there is no former state to be read, 410 where it is not kept any more.</exception>
    public static void Check(ApiRequest request, string verb, IObjectSource source, bool isMirrored, DateTimeOffset now)
    {
        if (request.At is not { } at)
        {
            return;
        }

        if (verb is not ("get" or "list") || request.Path.Subresource is not (null or "status"))
        {
            throw ApiError.BadRequest($"{Parameter}: what was can be read, by get and list of whole objects, and nothing else can be done with it; leave it out");
        }

        if (!isMirrored || source.KeptSince is not { } since)
        {
            throw ApiError.BadRequest($"{Parameter}: of {request.Kind.GroupResource} this server keeps no former states, but only of what the clusters below it report; leave it out");
        }

        if (request.Query.Text("resourceVersion") is not null || request.Query.Text("resourceVersionMatch") is not null)
        {
            throw ApiError.BadRequest($"{Parameter}: a moment and a resourceVersion may mean different states; leave out one of them");
        }

        if (at > now)
        {
            throw ApiError.BadRequest($"{Parameter}: {at.ToKubeTime()} is not yet: here it is {now.ToKubeTime()}");
        }

        if (at < since)
        {
            throw Expired(at, since);
        }
    }

    /// <summary>410.</summary>
    public static ApiError Expired(DateTimeOffset at, DateTimeOffset since) => ApiError.Expired(
        $"the state as of {at.ToKubeTime()} is not kept: what clusters reported goes back to {since.ToKubeTime()} here, and no further than its age and its size allow; ask for a later moment");

    /// <summary>Refuses a moment in a request that goes to a cluster's own API, which knows of none and would answer as of now.</summary>
    /// <exception cref="ApiError">400.</exception>
    public static void CheckForwarded(IQueryCollection query)
    {
        if (query.ContainsKey(Parameter))
        {
            throw ApiError.BadRequest($"{Parameter}: a cluster's own API tells what is; ask the one that shows all clusters, with the label selector {ObjectOrigin.ClusterLabel}=NAME");
        }
    }
}
