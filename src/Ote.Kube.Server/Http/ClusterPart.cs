namespace Ote.Kube.Server.Http;

/// <summary>By which resource, named for a cluster, somebody may ask for what is shown of that cluster alone: <c>clusters/pods</c>, <c>clusters/deployments.apps</c>, <c>clusters/pods/log</c>.</summary>
internal static class ClusterPart
{
    /// <summary>The group of these resources.</summary>
    public const string Group = "ote.baidu.com";

    /// <summary>The cluster's own API.</summary>
    public const string Proxy = "clusters/proxy";

    /// <summary>The resource of a kind, as it is in its cluster.</summary>
    /// <param name="group">Its group; empty for core.</param>
    /// <param name="plural">Its plural.</param>
    /// <param name="subresource">Null for the objects themselves.</param>
    public static string Of(string group, string plural, string? subresource)
    {
        var kind = group.Length == 0 ? plural : $"{plural}.{group}";
        return subresource is null ? $"clusters/{kind}" : $"clusters/{kind}/{subresource}";
    }
}
