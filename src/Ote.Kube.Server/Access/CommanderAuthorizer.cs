using Ote.Kube.Objects;

namespace Ote.Kube.Server.Access;

/// <summary>
/// Who may do what at a controller's own API: masters everything; members of <c>ote:commanders</c> write and read commands, of
/// <c>ote:commanders:NAMESPACE</c> those of that namespace, and both see clusters and the schema. What their commands may do is up to the
/// command policies, which only masters write.
/// </summary>
public sealed class CommanderAuthorizer : IAuthorizer
{
    private const string Commanders = "ote:commanders";
    private static readonly string[] Reading = ["get", "list", "watch"];
    private static readonly string[] Schema = ["/api", "/apis", "/openapi"];
    private static readonly string[] Writing = ["get", "list", "watch", "create", "update", "patch", "delete"];

    private readonly MastersAuthorizer _others = new();

    /// <inheritdoc/>
    public string? Refuse(UserInfo user, AccessRequest request)
    {
        ArgumentNullException.ThrowIfNull(user);
        ArgumentNullException.ThrowIfNull(request);
        return Allows(user, request) ? null : _others.Refuse(user, request);
    }

    private static bool Allows(UserInfo user, AccessRequest request)
    {
        var everywhere = user.Groups.Contains(Commanders);
        if (!everywhere && !user.Groups.Any(g => g.StartsWith(Commanders + ":", StringComparison.Ordinal)))
        {
            return false;
        }

        if (request.Path is { } path)
        {
            return request.Verb == "get" && Schema.Any(s => path == s || path.StartsWith(s + "/", StringComparison.Ordinal));
        }

        var mine = everywhere || (request.Namespace is { } ns && user.Groups.Contains($"{Commanders}:{ns}"));
        return request.Group == Kinds.Clusters.Group
            && ((request.Resource == Kinds.Clusters.Plural && Reading.Contains(request.Verb))
                || (mine && request.Resource == Kinds.ClusterControllers.Plural && Writing.Contains(request.Verb))
                || (mine && request.Resource == Kinds.ClusterControllerResults.Plural && Reading.Contains(request.Verb)));
    }
}
