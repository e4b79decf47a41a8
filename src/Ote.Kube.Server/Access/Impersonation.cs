using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Access.ServiceAccounts;
using Ote.Kube.Server.Http;

namespace Ote.Kube.Server.Access;

/// <summary>Lets those who may do so act as somebody else, by the <c>Impersonate-</c> headers.</summary>
internal sealed class Impersonation(IAuthorizer authorizer)
{
    private const int MaxGroups = 64;

    /// <summary>The user to act as: the one named, or the caller.</summary>
    /// <exception cref="ApiError">403 when the caller may not, 400 for groups without a user.</exception>
    public UserInfo Apply(IHeaderDictionary headers, UserInfo user)
    {
        var name = headers["Impersonate-User"].ToString();
        var groups = headers["Impersonate-Group"];
        if (name.Length == 0)
        {
            return groups.Count == 0 && headers["Impersonate-Uid"].Count == 0
                ? user
                : throw ApiError.BadRequest("requested impersonation without impersonating a user: set Impersonate-User too");
        }

        if (groups.Count > MaxGroups)
        {
            throw ApiError.BadRequest($"more than {MaxGroups} Impersonate-Group headers");
        }

        var account = ServiceAccountName.Of(name);
        if (account is { } robot)
        {
            Demand(user, "serviceaccounts", robot.Name, robot.Namespace);
        }
        else
        {
            Demand(user, "users", name);
        }

        foreach (var group in groups)
        {
            Demand(user, "groups", group ?? "");
        }

        // A service account is of its groups, unless others are named.
        IEnumerable<string?> own = groups.Count == 0 ? account?.Groups ?? [] : groups;
        return new UserInfo(name, [.. own.OfType<string>().Append(UserInfo.Authenticated).Distinct()]);
    }

    private void Demand(UserInfo user, string resource, string name, string? ns = null)
    {
        if (authorizer.Refuse(user, new AccessRequest("impersonate", "", resource, ns, name)) is null)
        {
            return;
        }

        throw user == UserInfo.Anonymous
            ? ApiError.Unauthorized()
            : new ApiError(
                403, "Forbidden", $"{resource} \"{name}\" is forbidden: User \"{user.Name}\" cannot impersonate resource \"{resource}\" in API group \"\" {(ns is null ? "at the cluster scope" : $"in the namespace \"{ns}\"")}",
                new System.Text.Json.Nodes.JsonObject { ["name"] = name, ["kind"] = resource });
    }
}
