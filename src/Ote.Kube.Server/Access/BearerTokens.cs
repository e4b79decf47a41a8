using Ote.Kube.Server.Access.ServiceAccounts;

namespace Ote.Kube.Server.Access;

/// <summary>Whom a bearer token stands for: those of the host's table, which are meant for this server alone, and those of service accounts. Thread-safe.</summary>
internal sealed class BearerTokens(TokenTable table, ServiceAccountTokens accounts)
{
    /// <summary>Who shows a token to this server; null: nobody.</summary>
    public async ValueTask<UserInfo?> FindAsync(string token, CancellationToken cancellation) =>
        (await FindAsync(token, [accounts.Issuer], cancellation).ConfigureAwait(false))?.User;

    /// <summary>The same for a token that was shown to others.</summary>
    /// <param name="token">The token.</param>
    /// <param name="audiences">They; none: this server.</param>
    /// <param name="cancellation">Gives up.</param>
    public async ValueTask<TokenUser?> FindAsync(string token, IReadOnlyList<string> audiences, CancellationToken cancellation)
    {
        var meant = audiences.Count == 0 ? [accounts.Issuer] : audiences;
        return table.Find(token) is { } user
            ? meant.Contains(accounts.Issuer) ? new TokenUser(user, [accounts.Issuer]) : null
            : await accounts.FindAsync(token, meant, cancellation).ConfigureAwait(false);
    }
}
