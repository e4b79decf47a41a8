using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Http;

/// <summary>Which parameters of a list or a watch go together, worded as in the real server.</summary>
internal static class ListOptions
{
    private const string Match = "resourceVersionMatch";
    private const string Send = "sendInitialEvents";
    private const string NotOlderThan = "NotOlderThan";
    private const string Exact = "Exact";

    /// <exception cref="ApiError">422 with all that contradicts itself; 400 for a version beside a token that has one.</exception>
    public static void Check(IQueryCollection query, bool watch)
    {
        var faults = (watch ? OfWatch(query) : OfList(query)).ToList();
        if (faults.Count > 0)
        {
            throw ApiError.InvalidOptions("ListOptions", faults);
        }

        if (!watch && query.Text("continue") is not null && query.Revision() is > 0)
        {
            throw ApiError.BadRequest("specifying resource version is not allowed when using continue");
        }
    }

    private static IEnumerable<FieldError> OfList(IQueryCollection query)
    {
        if (query.Text(Match) is { } match)
        {
            if (query.Text("resourceVersion") is not { } version)
            {
                yield return FieldError.Forbidden(Match, $"{Match} is forbidden unless resourceVersion is provided");
            }
            else if (match == Exact && version == "0")
            {
                yield return FieldError.Forbidden(Match, $"{Match} \"exact\" is forbidden for resourceVersion \"0\"");
            }

            if (query.Text("continue") is not null)
            {
                yield return FieldError.Forbidden(Match, $"{Match} is forbidden when continue is provided");
            }

            if (match is not (Exact or NotOlderThan))
            {
                yield return FieldError.NotSupported(Match, match, [Exact, NotOlderThan, ""]);
            }
        }

        if (query.Text(Send) is not null)
        {
            yield return FieldError.Forbidden(Send, $"{Send} is forbidden for list");
        }
    }

    private static IEnumerable<FieldError> OfWatch(IQueryCollection query)
    {
        var (match, sends) = (query.Text(Match), query.Text(Send) is not null);
        if (sends && match != NotOlderThan)
        {
            yield return FieldError.Forbidden(Match, $"{Send} requires setting {Match} to {NotOlderThan}");
        }

        if (match is null)
        {
            yield break;
        }

        if (!sends)
        {
            yield return FieldError.Forbidden(Match, $"{Match} is forbidden for watch unless {Send} is provided");
        }

        if (match != NotOlderThan)
        {
            yield return FieldError.NotSupported(Match, match, [NotOlderThan]);
        }

        if (query.Text("continue") is not null)
        {
            yield return FieldError.Forbidden(Match, $"{Match} is forbidden when continue is provided");
        }
    }
}
