using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ote.Kube.Server.Http;

/// <summary>A request for another cluster's API: <c>/clusters/NAME/…</c>.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="Path">The path there, without its query.</param>
/// <param name="Target">Path and query there, byte for byte as they came.</param>
internal sealed record ClusterPath(string Cluster, string Path, string Target)
{
    private const string Prefix = "/clusters/";

    /// <summary>Reads a request; null when it is for this server itself.</summary>
    public static ClusterPath? Of(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        if (!path.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        // The path as it came, so that what is escaped stays so; where there is none, this server is within the process.
        var raw = context.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } target && target.StartsWith(Prefix, StringComparison.Ordinal)
            ? target
            : context.Request.Path.ToUriComponent() + context.Request.QueryString.ToUriComponent();
        var end = path.IndexOf('/', Prefix.Length);
        var name = end < 0 ? path[Prefix.Length..] : path[Prefix.Length..end];
        var behind = raw.IndexOfAny(['/', '?'], Prefix.Length);
        var rest = behind < 0 ? "/" : raw[behind] == '/' ? raw[behind..] : "/" + raw[behind..];
        return new ClusterPath(name, end < 0 ? "/" : path[end..], rest);
    }
}
