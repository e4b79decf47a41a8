using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Tables;

namespace Ote.Kube.Server.Http;

/// <summary>How much of each object a table's rows carry (<c>includeObject</c>).</summary>
internal static class TablePolicy
{
    public static IncludeObject Of(IQueryCollection query) =>
        TableRenderer.ParseInclude(query.Text("includeObject")) ?? throw ApiError.BadRequest($"unrecognized includeObject value: {query.Text("includeObject")}");
}
