namespace Ote.Kube.Server.Access.ServiceAccounts;

/// <summary>A service account as a user: how it is called and which groups it is of.</summary>
/// <param name="Namespace">Where it lies.</param>
/// <param name="Name">Its name there.</param>
internal readonly record struct ServiceAccountName(string Namespace, string Name)
{
    private const string Prefix = "system:serviceaccount:";

    /// <summary>The user's name.</summary>
    public string User => $"{Prefix}{Namespace}:{Name}";

    /// <summary>The groups of the user.</summary>
    public IReadOnlyList<string> Groups => ["system:serviceaccounts", $"system:serviceaccounts:{Namespace}", UserInfo.Authenticated];

    /// <summary>The account that a user's name stands for; null: none.</summary>
    public static ServiceAccountName? Of(string user) =>
        user.StartsWith(Prefix, StringComparison.Ordinal) && user[Prefix.Length..].Split(':') is [{ Length: > 0 } ns, { Length: > 0 } name] ? new(ns, name) : null;
}
