using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ote.Kube.Server.Http;

/// <summary>A request for another cluster's API: <c>/clusters/NAME/…</c>.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="Path">The path there, without its query.</param>
/// <param name="Target">Path and query there, byte for byte as they came.</param>
internal sealed record ClusterPath(string Cluster, string Path, string Target)
{
    private const string Own = "/clusters/";

    /// <summary>Reads a request; null when it is for this server itself.</summary>
    /// <param name="context">The request.</param>
    /// <param name="prefix">What stands before the name.</param>
    /// <param name="behind">What stands right behind the name, such as <c>/proxy</c>; empty: nothing.</param>
    public static ClusterPath? Of(HttpContext context, string prefix = Own, string behind = "")
    {
        var path = context.Request.Path.Value ?? "";
        if (!path.StartsWith(prefix, StringComparison.Ordinal))
        {
            return null;
        }

        // The path as it came, so that what is escaped stays so; where there is none, this server is within the process.
        var raw = context.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } target && target.StartsWith(prefix, StringComparison.Ordinal)
            ? target
            : context.Request.Path.ToUriComponent() + context.Request.QueryString.ToUriComponent();
        var end = path.IndexOf('/', prefix.Length);
        var name = end < 0 ? path[prefix.Length..] : path[prefix.Length..end];
        var rawEnd = raw.IndexOfAny(['/', '?'], prefix.Length);
        return Behind(end < 0 ? "" : path[end..], behind) is { } there && Behind(rawEnd < 0 ? "" : raw[rawEnd..], behind) is { } rest
            ? new ClusterPath(name, there.Length == 0 ? "/" : there, rest.StartsWith('/') ? rest : "/" + rest)
            : null;
    }

    /// <summary>What follows a part of a path; null when something else stands there.</summary>
    private static string? Behind(string path, string part) =>
        path.StartsWith(part, StringComparison.Ordinal) && (part.Length == 0 || path.Length == part.Length || path[part.Length] is '/' or '?') ? path[part.Length..] : null;
}
