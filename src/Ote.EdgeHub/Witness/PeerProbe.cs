using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.EdgeHub.Witness;

/// <summary>What a hub says of itself to who asks.</summary>
/// <param name="Lives">Whether its kubelet lives; false too where nothing answers.</param>
/// <param name="Shares">How it shares what it reads (<see cref="PeerProbe.SharesHeader"/>); null: not, or not now.</param>
/// <param name="Authority">By which authority it is known: DER in base64; empty where nothing answers.</param>
internal readonly record struct PeerWord(bool Lives, string? Shares, string Authority);

/// <summary>Asks other hubs of the site how they are, without credentials. Thread-safe.</summary>
internal sealed class PeerProbe(TimeProvider time)
{
    /// <summary>The path at which a hub says whether its kubelet lives, and whether others of its site may read from it; it tells nothing else.</summary>
    public const string AlivePath = "/ote/alive";

    /// <summary>The path at which a hub hands out its authority in PEM, to be compared with what its Node says.</summary>
    public const string AuthorityPath = "/ote/authority";

    /// <summary>The header of the answer at <see cref="AlivePath"/> which is there while others may read: <see cref="Plain"/> or <see cref="Moved"/>.</summary>
    public const string SharesHeader = "Ote-Shared-Reads";

    /// <summary>As it is at the API server.</summary>
    public const string Plain = "plain";

    /// <summary>With the endpoints of the Service <c>default/kubernetes</c> leading to that hub.</summary>
    public const string Moved = "moved";

    private const int MostAuthorities = 1000;
    private const int MostAuthorityBytes = 16 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly ConcurrentDictionary<string, string> _authorities = new(StringComparer.Ordinal); // by their pins

    /// <summary>What one says; null: it has no hub that could be asked.</summary>
    public async Task<PeerWord?> AskAsync(SitePeer peer, CancellationToken stop)
    {
        if (peer.Hub is null || peer.Pin.Length == 0)
        {
            return null;
        }

        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        try
        {
            if (await AuthorityAsync(peer, either.Token).ConfigureAwait(false) is not { } authority)
            {
                return default(PeerWord); // Somebody else answers there.
            }

            using var transport = new HttpMessageInvoker(Trusting(authority));
            using var answer = await GetAsync(transport, peer.Hub, AlivePath, either.Token).ConfigureAwait(false);
            return new PeerWord(answer.IsSuccessStatusCode, answer.Headers.TryGetValues(SharesHeader, out var said) ? said.First() : null, authority);
        }
        catch (Exception away) when (away is HttpRequestException or IOException or CryptographicException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return default(PeerWord);
        }
    }

    /// <summary>The authority that a Node names by its pin, as the hub hands it out; null: it hands out another.</summary>
    private async Task<string?> AuthorityAsync(SitePeer peer, CancellationToken stop)
    {
        if (_authorities.TryGetValue(peer.Pin, out var known))
        {
            return known;
        }

#pragma warning disable CA5359 // What comes is believed only if it is what the API server says of that node: its hash.
        using var transport = new HttpMessageInvoker(Transport(new() { RemoteCertificateValidationCallback = (_, _, _, _) => true }));
#pragma warning restore CA5359
        using var answer = await GetAsync(transport, peer.Hub!, AuthorityPath, stop).ConfigureAwait(false);
        await answer.EnsureSuccessStatusCode().Content.LoadIntoBufferAsync(MostAuthorityBytes, stop).ConfigureAwait(false);
        var pem = await answer.Content.ReadAsStringAsync(stop).ConfigureAwait(false);
        using var certificate = X509Certificate2.CreateFromPem(pem);
        if (SitePeer.PinOf(certificate.RawDataMemory.Span) != peer.Pin)
        {
            return null;
        }

        if (_authorities.Count >= MostAuthorities)
        {
            _authorities.Clear();
        }

        return _authorities[peer.Pin] = Convert.ToBase64String(certificate.RawDataMemory.Span);
    }

    private static Task<HttpResponseMessage> GetAsync(HttpMessageInvoker transport, Uri hub, string path, CancellationToken stop)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(hub, path));
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("ote-node", null));
        return transport.SendAsync(request, stop);
    }

    private static SocketsHttpHandler Trusting(string authority)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(authority)));
        return Transport(new() { CertificateChainPolicy = policy });
    }

    private static SocketsHttpHandler Transport(System.Net.Security.SslClientAuthenticationOptions trust) => new() { AllowAutoRedirect = false, UseProxy = false, ConnectTimeout = Patience, SslOptions = trust };
}
