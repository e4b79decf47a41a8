using Microsoft.AspNetCore.Http;

namespace Ote.Kube.Server.Http;

/// <summary>What a request asks for, in the words of RBAC.</summary>
internal static class RequestVerb
{
    /// <summary>The verb on a resource; null for a method that there is not.</summary>
    public static string? Of(HttpContext context, ResourcePath path)
    {
        var watch = context.Request.Query.Flag("watch");
        return context.Request.Method switch
        {
            "GET" or "HEAD" when watch && path.Subresource is null => "watch",
            "GET" or "HEAD" => path.Name is null ? "list" : "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => path.Name is null ? "deletecollection" : "delete",
            _ => null,
        };
    }

    /// <summary>The verb of a request for another cluster's own API; null for a method that there is not. A WebSocket begins with GET, whatever it is for.</summary>
    /// <param name="context">The request.</param>
    /// <param name="path">The path there.</param>
    public static string? AtCluster(HttpContext context, string path) => ResourcePath.Parse(path) is not { } there ? context.Request.Method is "GET" or "HEAD" ? "get" : "create"
        : Opens(there) ? "create"
        : Of(context, there);

    /// <summary>Whether a path leads into what runs, so that whoever may only look may not go there.</summary>
    public static bool Opens(ResourcePath path) =>
        path.Subresource is "exec" or "attach" or "portforward" || path.Subresource?.StartsWith("proxy", StringComparison.Ordinal) == true;

    /// <summary>A collection of which only one object is asked for is judged as that object is.</summary>
    public static string? NameMeant(HttpContext context, string verb)
    {
        const string Named = "metadata.name=";
        return verb is "list" or "watch" or "deletecollection" && context.Request.Query.Text("fieldSelector") is { } selector
            && selector.StartsWith(Named, StringComparison.Ordinal) && !selector.Contains(',', StringComparison.Ordinal) && selector.Length > Named.Length
            ? selector[Named.Length..].TrimStart('=')
            : null;
    }
}
