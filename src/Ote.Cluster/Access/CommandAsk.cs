using Ote.Kube.Client;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Access;

/// <summary>What a command asks for, in the words of Kubernetes' RBAC, and who asks. Immutable.</summary>
/// <param name="User">Who wrote the command, as its entry says.</param>
/// <param name="Groups">The groups of that user.</param>
/// <param name="Entry">The cluster whose control API holds the command.</param>
/// <param name="Verb">get, list, create, update, patch, delete, deletecollection; for a path that is no resource's the method in lower case.</param>
/// <param name="Group">API group, empty for the core; null when the path is no resource's.</param>
/// <param name="Resource">Plural with subresource, <c>pods/status</c>; empty when the path is no resource's.</param>
/// <param name="Namespace">Null for cluster scope or all namespaces.</param>
/// <param name="Name">Null for collections.</param>
/// <param name="Path">The path, without its query; for another destination than the API with that before it: <c>helm:/…</c>.</param>
internal sealed record CommandAsk(
    string User, IReadOnlyList<string> Groups, string Entry, string Verb, string? Group, string Resource, string? Namespace, string? Name, string Path)
{
    /// <summary>Reads a command; null when its URL has not exactly one reading, so that nobody can say what it asks for.</summary>
    public static CommandAsk? Of(Command command)
    {
        var method = command.Method.ToUpperInvariant();
        var user = command.Requester?.User ?? "";
        IReadOnlyList<string> groups = command.Requester is { } who ? [.. who.Groups] : [];
        if (!ApiPath.TryParse(command.Url, out var path, out _))
        {
            return null;
        }

        if (command.Destination is not ("" or "api"))
        {
            return new CommandAsk(user, groups, command.Entry, method.ToLowerInvariant(), null, "", null, null, $"{command.Destination}:{path.Path}");
        }

        if (path is not { Group: { } group, Resource: { } resource })
        {
            return new CommandAsk(user, groups, command.Entry, method.ToLowerInvariant(), null, "", null, null, "/" + string.Join('/', path.Segments));
        }

        var named = path.Subresource is null ? resource : $"{resource}/{path.Subresource}";
        return new CommandAsk(user, groups, command.Entry, Verbs(method, path.Name is not null), group, named, path.Namespace, path.Name, path.Path);
    }

    /// <summary>For people: <c>create deployments.apps in namespace shop</c>.</summary>
    public string What => Group is null
        ? $"{Verb} {Path}"
        : $"{Verb} {Resource}{(Group.Length > 0 ? "." + Group : "")}{(Name is null ? "" : $" '{Name}'")}{(Namespace is null ? "" : $" in namespace {Namespace}")}";

    private static string Verbs(string method, bool named) => method switch
    {
        "GET" or "HEAD" => named ? "get" : "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => named ? "delete" : "deletecollection",
        _ => method.ToLowerInvariant(),
    };
}
