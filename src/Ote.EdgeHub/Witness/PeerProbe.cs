using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.EdgeHub.Witness;

/// <summary>What a hub says of itself to who asks.</summary>
/// <param name="Lives">Whether its kubelet lives; false too where nothing answers.</param>
/// <param name="Shares">How it shares what it reads (<see cref="PeerProbe.SharesHeader"/>); null: not, or not now.</param>
internal readonly record struct PeerWord(bool Lives, string? Shares);

/// <summary>Asks other hubs of the site how they are, without credentials. Thread-safe.</summary>
internal sealed class PeerProbe(TimeProvider time)
{
    /// <summary>The path at which a hub says whether its kubelet lives, and whether others of its site may read from it; it tells nothing else.</summary>
    public const string AlivePath = "/ote/alive";

    /// <summary>The header of that answer which is there while others may read: <see cref="Plain"/> or <see cref="Moved"/>.</summary>
    public const string SharesHeader = "Ote-Shared-Reads";

    /// <summary>As it is at the API server.</summary>
    public const string Plain = "plain";

    /// <summary>With the endpoints of the Service <c>default/kubernetes</c> leading to that hub.</summary>
    public const string Moved = "moved";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>What one says; null: it has no hub that could be asked.</summary>
    public async Task<PeerWord?> AskAsync(SitePeer peer, CancellationToken stop)
    {
        if (peer.Hub is null || peer.Authority.Length == 0)
        {
            return null;
        }

        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        try
        {
            using var transport = new HttpMessageInvoker(Trusting(peer.Authority));
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(peer.Hub, AlivePath));
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("ote-node", null));
            using var answer = await transport.SendAsync(request, either.Token).ConfigureAwait(false);
            return new PeerWord(answer.IsSuccessStatusCode, answer.Headers.TryGetValues(SharesHeader, out var said) ? said.First() : null);
        }
        catch (Exception away) when (away is HttpRequestException or FormatException or CryptographicException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return default(PeerWord);
        }
    }

    private static SocketsHttpHandler Trusting(string authority)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(authority)));
        return new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, ConnectTimeout = Patience, SslOptions = { CertificateChainPolicy = policy } };
    }
}
