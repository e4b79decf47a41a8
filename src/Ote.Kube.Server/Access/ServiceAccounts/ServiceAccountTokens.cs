using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Access.ServiceAccounts;

/// <summary>An object that a token ends with.</summary>
/// <param name="Kind"><c>Pod</c> or <c>Secret</c>.</param>
/// <param name="Name">Its name, in the account's namespace.</param>
/// <param name="Uid">Its uid.</param>
internal sealed record BoundObject(string Kind, string Name, string Uid);

/// <summary>Whom a token stands for.</summary>
/// <param name="User">The service account.</param>
/// <param name="Audiences">Of those asked for, the ones it is meant for.</param>
internal sealed record TokenUser(UserInfo User, IReadOnlyList<string> Audiences);

/// <summary>
/// Issues tokens of service accounts and tells whom one stands for: what it names must still be there and be the same. Nothing is kept of a token, so there is
/// nothing to lose. Thread-safe.
/// </summary>
/// <param name="signer">Made when it is first needed.</param>
/// <param name="issuer">Who issues them; also their audience unless another is asked for.</param>
/// <param name="store">Where accounts, pods and secrets lie.</param>
/// <param name="newId">Makes the ids of tokens.</param>
/// <param name="time">The clock.</param>
internal sealed class ServiceAccountTokens(Lazy<TokenSigner> signer, string issuer, IObjectStore store, Func<Guid> newId, TimeProvider time)
{
    private const string Extra = "authentication.kubernetes.io/";

    // A clock that goes a little wrong, or an object that was just marked as going, ends no token at once.
    private static readonly TimeSpan Leeway = TimeSpan.FromMinutes(1);

    /// <summary>The issuer, and the audience of this server.</summary>
    public string Issuer => issuer;

    /// <summary>The public key, for whoever checks tokens themselves.</summary>
    public JsonObject PublicKeys() => signer.Value.PublicKeys();

    /// <summary>Issues a token.</summary>
    /// <param name="account">Whose.</param>
    /// <param name="uid">The account's uid.</param>
    /// <param name="audiences">Whom it is meant for; at least one.</param>
    /// <param name="life">How long it is good, in whole seconds.</param>
    /// <param name="bound">What it ends with beside the account; null: nothing.</param>
    public (string Token, DateTimeOffset Expires) Issue(ServiceAccountName account, string uid, IReadOnlyList<string> audiences, TimeSpan life, BoundObject? bound)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var ends = now + (long)life.TotalSeconds;
        var own = new JsonObject { ["namespace"] = account.Namespace, ["serviceaccount"] = new JsonObject { ["name"] = account.Name, ["uid"] = uid } };
        if (bound is not null)
        {
            own[bound.Kind.ToLowerInvariant()] = new JsonObject { ["name"] = bound.Name, ["uid"] = bound.Uid };
        }

        var token = signer.Value.Sign(new JsonObject
        {
            ["aud"] = audiences.ToJsonArray(), ["exp"] = ends, ["iat"] = now, ["iss"] = issuer, ["jti"] = newId().ToString("D"), ["kubernetes.io"] = own, ["nbf"] = now, ["sub"] = account.User,
        });
        return (token, DateTimeOffset.FromUnixTimeSeconds(ends));
    }

    /// <summary>Whom a token stands for; null when it is none of ours, has ended, is meant for others, or what it names is gone.</summary>
    /// <param name="token">The token.</param>
    /// <param name="audiences">One of these it must be meant for.</param>
    /// <param name="cancellation">Gives up.</param>
    public async ValueTask<TokenUser?> FindAsync(string token, IReadOnlyList<string> audiences, CancellationToken cancellation)
    {
        // Most tokens that are not ours are no JWT at all: no key is made for those.
        if (token.Count(c => c == '.') != 2 || signer.Value.Verify(token) is not { } claims || claims.Text("iss") != issuer || !IsNow(claims))
        {
            return null;
        }

        string[] meant = [.. (claims.Items("aud") ?? []).Select(a => a!.ToString()).Intersect(audiences)];
        if (meant.Length == 0 || claims["kubernetes.io"] is not JsonObject own || own.Text("namespace") is not { } ns
            || own.Text("serviceaccount", "name") is not { } name || new ServiceAccountName(ns, name) is var account && claims.Text("sub") != account.User)
        {
            return null;
        }

        var uid = own.Text("serviceaccount", "uid") ?? "";
        if (!await IsThereAsync("/serviceaccounts", ns, name, uid, cancellation).ConfigureAwait(false))
        {
            return null;
        }

        var extra = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal) { [Extra + "credential-id"] = [$"JTI={claims.Text("jti")}"] };
        foreach (var bound in (string[])["pod", "secret"])
        {
            if (own[bound] is not JsonObject named)
            {
                continue;
            }

            if (!await IsThereAsync($"/{bound}s", ns, named.Text("name") ?? "", named.Text("uid") ?? "", cancellation).ConfigureAwait(false))
            {
                return null;
            }

            if (bound == "pod")
            {
                (extra[Extra + "pod-name"], extra[Extra + "pod-uid"]) = ([named.Text("name")!], [named.Text("uid")!]);
            }
        }

        return new TokenUser(new UserInfo(account.User, account.Groups) { Uid = uid, Extra = extra }, meant);
    }

    private bool IsNow(JsonObject claims)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        return claims.Whole("exp") is { } ends && now < ends && claims.Whole("nbf") is { } begins && now >= begins - (long)Leeway.TotalSeconds;
    }

    private async ValueTask<bool> IsThereAsync(string resource, string ns, string name, string uid, CancellationToken cancellation)
    {
        if (await store.FindAsync(new StoreKey(resource, ns, name), cancellation).ConfigureAwait(false) is not { } stored)
        {
            return false;
        }

        var obj = ObjectJson.Stored(stored.Json);
        return obj.Uid() == uid && (obj.Time("metadata", "deletionTimestamp") is not { } going || going > time.GetUtcNow() - Leeway);
    }
}
