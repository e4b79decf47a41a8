using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>A parent's door for those who have no link yet: <c>GET /join/ca</c> and <c>POST /join</c>.</summary>
/// <param name="time">The clock certificates are held against.</param>
/// <param name="proxy">An HTTP proxy on the way out; null for none.</param>
internal sealed class JoinDoor(TimeProvider time, IWebProxy? proxy = null)
{
    private const int MaxAnswerBytes = 256 * 1024;

    /// <summary>
    /// Asks a parent of whose tree only the pin is known: the CA is fetched and held against the pin, and the parent's certificate against
    /// that CA, before the request is sent. All over one connection.
    /// </summary>
    /// <exception cref="JoinRefusedException">The parent is not of this tree, or not that host.</exception>
    /// <exception cref="HttpRequestException">Not reached.</exception>
    /// <exception cref="IOException">Not answered as a parent does.</exception>
    public async Task<JoinAnswer> AskAsync(Uri parent, CaPin pin, JoinRequest request, CancellationToken ct)
    {
        using PinnedCheck check = new(pin, parent, time);
        using HttpClient http = Client(parent, check.Tls);
        check.Trust(await http.GetByteArrayAsync(new Uri("/join/ca", UriKind.Relative), ct).ConfigureAwait(false));
        return await PostAsync(http, request, ct).ConfigureAwait(false);
    }

    /// <summary>Asks, once the parent's own certificate has been held against the tree's CA.</summary>
    /// <exception cref="JoinRefusedException">The parent is not of this tree, or not that host.</exception>
    /// <exception cref="HttpRequestException">Not reached.</exception>
    /// <exception cref="IOException">Not answered as a parent does.</exception>
    public async Task<JoinAnswer> AskAsync(Uri parent, X509Certificate2 authority, JoinRequest request, CancellationToken ct)
    {
        ServerCheck check = new(authority, parent.Host, time);
        SslClientAuthenticationOptions ssl = new()
        {
            CertificateChainPolicy = TunnelTls.TrustOnly(authority),
            RemoteCertificateValidationCallback = check.Validate,
            EnabledSslProtocols = TunnelTls.Protocols,
        };
        try
        {
            using HttpClient http = Client(parent, ssl);
            return await PostAsync(http, request, ct).ConfigureAwait(false);
        }
        catch (HttpRequestException) when (check.Problem is { } problem)
        {
            throw new JoinRefusedException(problem);
        }
    }

    private static async Task<JoinAnswer> PostAsync(HttpClient http, JoinRequest request, CancellationToken ct)
    {
        using ByteArrayContent body = new(request.ToByteArray());
        body.Headers.ContentType = new MediaTypeHeaderValue(JoinService.ContentType);
        using HttpResponseMessage response = await http.PostAsync(new Uri("/join", UriKind.Relative), body, ct).ConfigureAwait(false);
        byte[] content = await response.Content.ReadAsByteArrayAsync(ct).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK) throw new IOException($"{http.BaseAddress} answered {(int)response.StatusCode}");
        try
        {
            return JoinAnswer.Parser.ParseFrom(content);
        }
        catch (InvalidProtocolBufferException)
        {
            throw new IOException($"{http.BaseAddress} did not answer as a parent does");
        }
    }

    private HttpClient Client(Uri parent, SslClientAuthenticationOptions ssl) =>
        new(new SocketsHttpHandler { SslOptions = ssl, Proxy = proxy, UseProxy = proxy is not null, MaxConnectionsPerServer = 1 })
        {
            BaseAddress = parent,
            MaxResponseContentBufferSize = MaxAnswerBytes,
            Timeout = Timeout.InfiniteTimeSpan, // the attempt has its own
        };
}
