using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>A parent's door for those who have no link yet: <c>GET /join/ca</c> and <c>POST /join</c>.</summary>
/// <param name="time">The clock certificates are held against.</param>
/// <param name="proxy">An HTTP proxy on the way out; null for none.</param>
internal sealed class JoinDoor(TimeProvider time, IWebProxy? proxy = null)
{
    private const int MaxReasonBytes = 300;
    private const int MaxAnswerBytes = 256 * 1024;

    /// <summary>
    /// Asks a parent of whose tree only the pin is known: the CA is fetched and held against the pin, and the parent's certificate against
    /// that CA, before the request is sent. All over one connection, on which the key that is to be certified is proven. A replica that does
    /// not lead names the one that does, which is then asked, once, if it is the same cluster.
    /// </summary>
    /// <param name="parent">Where.</param>
    /// <param name="pin">Of the tree's CA.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="applicant">Of the key to be certified; see <see cref="Applicant"/>.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>The answer, what is trusted, and when the answer is a certificate, the connection.</returns>
    /// <exception cref="JoinRefusedException">The parent is not of this tree, or not that host.</exception>
    /// <exception cref="HttpRequestException">Not reached.</exception>
    /// <exception cref="IOException">Not answered as a parent does.</exception>
    public async Task<(JoinAnswer Answer, TreeTrust Trust, JoinedConnection? Connection)> AskAsync(
        Uri parent, CaPin pin, JoinRequest request, SslStreamCertificateContext applicant, CancellationToken ct)
    {
        try
        {
            return await AskAsync(parent, null, pin, request, applicant, ct).ConfigureAwait(false);
        }
        catch (JoinElsewhereException elsewhere)
        {
            return await AskAsync(elsewhere.Leader, elsewhere.Peer, pin, request, applicant, ct).ConfigureAwait(false);
        }
    }

    private async Task<(JoinAnswer Answer, TreeTrust Trust, JoinedConnection? Connection)> AskAsync(
        Uri parent, PeerIdentity? expected, CaPin pin, JoinRequest request, SslStreamCertificateContext applicant, CancellationToken ct)
    {
        using PinnedCheck check = new(pin, parent, time);
        SslClientAuthenticationOptions tls = check.Tls;
        tls.ClientCertificateContext = applicant;
        HttpClient http = Client(parent, tls);
        JoinedConnection? connection = null;
        try
        {
            byte[] authority = await http.GetByteArrayAsync(new Uri("/join/ca", UriKind.Relative), ct).ConfigureAwait(false);
            TreeTrust trust = check.Trust(authority, await WordAsync(http, ct).ConfigureAwait(false));
            PeerIdentity peer = check.Peer ?? throw new IOException($"{parent} showed no certificate of a cluster");
            if (expected is { } one && one != peer) throw new IOException($"{NotThe(one, parent, peer)}. The token was not sent.");
            JoinAnswer answer = await PostAsync(http, () => peer, request, ct).ConfigureAwait(false);
            if (answer.Outcome == JoinAnswer.Types.Outcome.Issued) connection = new JoinedConnection(parent, peer, http);
            return (answer, trust, connection);
        }
        finally
        {
            if (connection is null) http.Dispose();
        }
    }

    /// <summary>Asks, once the parent's own certificate has been held against the tree's CA; a replica that does not lead sends on, as above.</summary>
    /// <exception cref="JoinRefusedException">The parent is not of this tree, or not that host.</exception>
    /// <exception cref="HttpRequestException">Not reached.</exception>
    /// <exception cref="IOException">Not answered as a parent does.</exception>
    public async Task<JoinAnswer> AskAsync(Uri parent, TreeTrust trust, JoinRequest request, CancellationToken ct)
    {
        try
        {
            return await AskAsync(parent, null, trust, request, ct).ConfigureAwait(false);
        }
        catch (JoinElsewhereException elsewhere)
        {
            return await AskAsync(elsewhere.Leader, elsewhere.Peer, trust, request, ct).ConfigureAwait(false);
        }
    }

    private async Task<JoinAnswer> AskAsync(Uri parent, PeerIdentity? expected, TreeTrust trust, JoinRequest request, CancellationToken ct)
    {
        ServerCheck check = new(trust, parent.Host, time, found => expected is { } one && one != found ? NotThe(one, parent, found) : null);
        SslClientAuthenticationOptions ssl = new()
        {
            CertificateChainPolicy = TunnelTls.TrustOnly(trust),
            RemoteCertificateValidationCallback = check.Validate,
            EnabledSslProtocols = TunnelTls.Protocols,
        };
        try
        {
            using HttpClient http = Client(parent, ssl);
            return await PostAsync(http, () => check.Peer, request, ct).ConfigureAwait(false);
        }
        catch (HttpRequestException) when (check.Problem is { } problem)
        {
            throw new JoinRefusedException(problem);
        }
    }

    /// <summary>
    /// Asks a parent for the root's word of the tree's CAs. Whoever answers is not trusted: the word is held against its signatures by the
    /// caller. Null when there is none.
    /// </summary>
    public async Task<TrustList?> TrustAsync(Uri parent, CancellationToken ct)
    {
        SslClientAuthenticationOptions ssl = new()
        {
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
#pragma warning disable CA5359 // Nothing secret is sent, and what comes counts for its signatures, whoever serves it.
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            EnabledSslProtocols = TunnelTls.Protocols,
        };
        using HttpClient http = Client(parent, ssl);
        byte[] word = await WordAsync(http, ct).ConfigureAwait(false);
        try
        {
            return word.Length == 0 ? null : TrustList.Parser.ParseFrom(word);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new IOException($"{parent} did not answer with the CAs of its tree", e);
        }
    }

    // A parent of before knows no such thing, and no exchange either.
    private static async Task<byte[]> WordAsync(HttpClient http, CancellationToken ct)
    {
        using HttpResponseMessage response = await http.GetAsync(new Uri("/join/trust", UriKind.Relative), ct).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.OK ? await response.Content.ReadAsByteArrayAsync(ct).ConfigureAwait(false) : [];
    }

    private static string NotThe(PeerIdentity expected, Uri parent, PeerIdentity found) => $"a replica of {expected} says that {parent.Authority} leads, but {found} is there";

    private static async Task<JoinAnswer> PostAsync(HttpClient http, Func<PeerIdentity?> peer, JoinRequest request, CancellationToken ct)
    {
        using ByteArrayContent body = new(request.ToByteArray());
        body.Headers.ContentType = new MediaTypeHeaderValue(JoinService.ContentType);
        using HttpResponseMessage response = await http.PostAsync(new Uri("/join", UriKind.Relative), body, ct).ConfigureAwait(false);
        byte[] content = await response.Content.ReadAsByteArrayAsync(ct).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            string why = $"{http.BaseAddress} answered {(int)response.StatusCode}{Reason(response, content)}";
            throw Leader(response) is { } leader && peer() is { } told ? new JoinElsewhereException(why, leader, told) : new IOException(why);
        }

        try
        {
            return JoinAnswer.Parser.ParseFrom(content);
        }
        catch (InvalidProtocolBufferException)
        {
            throw new IOException($"{http.BaseAddress} did not answer as a parent does");
        }
    }

    private static Uri? Leader(HttpResponseMessage response) =>
        response.StatusCode == HttpStatusCode.ServiceUnavailable && response.Headers.TryGetValues(JoinService.LeaderHeader, out IEnumerable<string>? said)
            && AdvertisedAddress.Normalize(said.FirstOrDefault()) is { } address ? new Uri($"https://{address}") : null;

    /// <summary>Why, in the words of who answered; what stands between may answer too, with a page of its own, and an older parent says nothing.</summary>
    private static string Reason(HttpResponseMessage response, byte[] content)
    {
        if (response.Content.Headers.ContentType?.MediaType != "text/plain") return "";
        string text = Encoding.UTF8.GetString(content.AsSpan(0, Math.Min(content.Length, MaxReasonBytes)));
        string line = string.Concat(text.Split('\n')[0].Where(c => !char.IsControl(c))).Trim();
        return line.Length == 0 ? "" : $": {line}";
    }

    private HttpClient Client(Uri parent, SslClientAuthenticationOptions ssl) =>
        new(new SocketsHttpHandler
        {
            SslOptions = ssl,
            Proxy = proxy,
            UseProxy = proxy is not null,
            MaxConnectionsPerServer = 1,
            PlaintextStreamFilter = static (context, _) => ValueTask.FromResult<Stream>(new PatientStream(context.PlaintextStream)), // it may become a link
        })
        {
            BaseAddress = parent,
            MaxResponseContentBufferSize = MaxAnswerBytes,
            Timeout = Timeout.InfiniteTimeSpan, // the attempt has its own
        };
}
