using Ote.Kube.Client;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Observing;

/// <summary>Which object a command changes, as far as its request says it. Immutable.</summary>
/// <param name="Kind">Plural and, behind a dot, group, as mirrors call it.</param>
/// <param name="Namespace">Empty for none.</param>
/// <param name="Name">Null when the answer tells it, as of a POST.</param>
/// <param name="Deletes">The object is to be gone.</param>
internal sealed record ObservedRequest(string Kind, string Namespace, string? Name, bool Deletes)
{
    /// <summary>Reads a command; null when its request changes no object, or not exactly one, or only tries.</summary>
    public static ObservedRequest? Of(Command command)
    {
        var method = command.Method.ToUpperInvariant();
        if (command.Destination is not ("" or "api") || method is not ("POST" or "PUT" or "PATCH" or "DELETE")
            || !ApiPath.TryParse(command.Url, out var path, out _) || path is not { Group: { } group, Resource: { } resource })
        {
            return null;
        }

        var deletes = method == "DELETE";
        if ((path.Name is null && method != "POST") || path.Parameter("dryRun").Any())
        {
            return null;
        }

        // Options of a deletion may be JSON or YAML; whatever else has the word in it is no loss.
        return deletes && (path.Subresource is not null || command.Body.Span.IndexOf("dryRun"u8) >= 0)
            ? null
            : new ObservedRequest(group.Length == 0 ? resource : $"{resource}.{group}", path.Namespace ?? "", path.Name, deletes);
    }
}
