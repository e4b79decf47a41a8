using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Proxy;

/// <summary>
/// Whose tokens are those that pods show: the API server says it (TokenReview), and what it said is remembered for when it cannot be asked; so is for whom it made a token that the kubelet asked it for. A token that ran out while
/// the node was cut off is taken as long as it is: a new one cannot be had. Tokens lie nowhere, their digests do, sealed. Thread-safe.
/// </summary>
/// <param name="cache">Where it is remembered.</param>
/// <param name="identities">The accounts.</param>
/// <param name="asks">As whom the API server is asked: the kubelet, which may.</param>
/// <param name="isConnected">Whether it can be asked.</param>
/// <param name="time">The clock.</param>
internal sealed class PodTokens(NodeCache cache, NodeIdentities identities, KubeClient asks, Func<bool> isConnected, TimeProvider time)
{
    private const string Accounts = "system:serviceaccount:";
    private const int MostRemembered = 1000;

    /// <summary>For so long what the API server said of a token counts while it could be asked again.</summary>
    private static readonly TimeSpan Trust = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, (string User, DateTimeOffset Asked)> _known = new(StringComparer.Ordinal);

    /// <summary>The account that shows a token; null: it is no pod's, or the API server alone can say.</summary>
    public async Task<NodeIdentity?> FindAsync(string token, CancellationToken cancellation)
    {
        var mark = MarkOf(token);
        if (_known.TryGetValue(mark, out var known) && (known.Asked > time.GetUtcNow() - Trust || !isConnected()))
        {
            return AccountOf(known.User, token);
        }

        if (!isConnected())
        {
            return cache.Kept(mark) is { Length: > 0 } kept ? AccountOf(Know(mark, Encoding.UTF8.GetString(kept)), token) : null;
        }

        try
        {
            var review = new JsonObject { ["apiVersion"] = "authentication.k8s.io/v1", ["kind"] = "TokenReview", ["spec"] = new JsonObject { ["token"] = token } };
            var said = await asks.SendAsync(HttpMethod.Post, "apis/authentication.k8s.io/v1/tokenreviews", review, null, cancellation).ConfigureAwait(false);
            var user = said.Truth("status", "authenticated") == true ? said.Text("status", "user", "username") : null;
            return AccountOf(Judged(mark, user is not null && user.StartsWith(Accounts, StringComparison.Ordinal) ? user : ""), token);
        }
        catch (Exception unanswered) when (unanswered is KubeStatusException or HttpRequestException)
        {
            return known.User is { } user ? AccountOf(user, token) : null;
        }
    }

    /// <summary>The API server has made a token for the kubelet.</summary>
    /// <param name="ns">The account's namespace.</param>
    /// <param name="name">The account.</param>
    /// <param name="token">The token.</param>
    public void Made(string ns, string name, string token) => Judged(MarkOf(token), $"{Accounts}{ns}:{name}");

    private static string MarkOf(string token) => "pod-token\n" + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private NodeIdentity? AccountOf(string user, string token) => user.Length == 0 ? null : identities.Account(user, token);

    /// <summary>Remembers durably what is new; nothing is said of a token that was never good.</summary>
    private string Judged(string mark, string user)
    {
        var kept = cache.Kept(mark);
        if (user.Length == 0)
        {
            if (kept is not null)
            {
                cache.Unkeep(mark);
            }
        }
        else if (kept is null || Encoding.UTF8.GetString(kept) != user)
        {
            cache.Keep(mark, Encoding.UTF8.GetBytes(user));
        }

        return Know(mark, user);
    }

    private string Know(string mark, string user)
    {
        if (_known.Count >= MostRemembered)
        {
            _known.Clear(); // the rest is on the disk, or is asked again
        }

        _known[mark] = (user, time.GetUtcNow());
        return user;
    }
}
