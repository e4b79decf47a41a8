using System.Text;
using Ote.Kube.Server.Http;

namespace Ote.Tests.Fuzz;

/// <summary>The path of a request to the API server. One that was taken apart says the same put together again.</summary>
internal sealed class PathTarget : IFuzzTarget
{
    public IEnumerable<byte[]> Seeds =>
    [
        .. new[]
        {
            "/api/v1/namespaces", "/api/v1/namespaces/default/pods/web/log", "/apis/apps/v1/namespaces/default/deployments/web/scale", "/api/v1/namespaces/default/finalize",
            "/apis/ote.baidu.com/v1/clusters/", "/api/v1/nodes/a/proxy/b/c/d", "/api", "/apis/apps", "//", "/api//v1", "/healthz",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public string Try(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        if (ResourcePath.Parse(text) is not { } path) return "none";
        string[] parts = [path.Version, path.Plural, path.Namespace ?? "-", path.Name ?? "-", .. (path.Subresource ?? "-").Split('/')];
        Assert.All(parts, part => Assert.True(part.Length > 0 && !part.Contains('/', StringComparison.Ordinal), $"a part of {text} is \"{part}\""));
        string again = (path.Group.Length == 0 ? "/api/" : $"/apis/{path.Group}/") + path.Version + (path.Namespace is null ? "" : "/namespaces/" + path.Namespace)
            + "/" + path.Plural + (path.Name is null ? "" : "/" + path.Name) + (path.Subresource is null ? "" : "/" + path.Subresource);
        Assert.Equal(text.EndsWith('/') ? text[..^1] : text, again);
        return $"{path.Group.Length > 0} {path.Namespace is null} {path.Name is null} {path.Subresource?.Count(c => c == '/')} {path.Plural == "namespaces"}";
    }
}
