using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Ote.Kube.Client;

/// <summary>Where an API server is, whom to trust there, and who we are. Immutable; secrets in it are never logged.</summary>
/// <param name="Server">The server's URL; it may carry a path.</param>
public sealed record KubeEndpoint(Uri Server)
{
    /// <summary>The CAs the server's certificate must chain to; empty: the machine's own trust.</summary>
    public X509Certificate2Collection Authorities { get; init; } = [];

    /// <summary>Accept any server certificate. Only ever set by an explicit line in a kubeconfig.</summary>
    public bool SkipServerVerification { get; init; }

    /// <summary>Whether the server is judged by the machine's own list of public authorities.</summary>
    public bool NeedsMachineTrust => Server.Scheme == Uri.UriSchemeHttps && Authorities.Count == 0 && !SkipServerVerification;

    /// <summary>Name to ask for (SNI, and as <c>Host</c>) and to verify instead of the URL's host.</summary>
    public string? ServerName { get; init; }

    /// <summary>HTTP proxy URL, or null for none.</summary>
    public string? Proxy { get; init; }

    /// <summary>Our certificate with its key, or null.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Where <see cref="ClientCertificate"/> is renewed: requests that come a second after it was go by the new one (<see cref="RenewingHandler"/>), what is being answered ends as it began; null: it stays as it is.</summary>
    public RenewedCertificate? RenewedCertificate { get; init; }

    /// <summary>Bearer token, or null.</summary>
    public string? Token { get; init; }

    /// <summary>File with a bearer token, read again at each request so that rotation works; or null.</summary>
    public string? TokenFile { get; init; }

    /// <summary>User name for basic authentication, or null.</summary>
    public string? Username { get; init; }

    /// <summary>Password for basic authentication, or null.</summary>
    public string? Password { get; init; }

    /// <summary>A command that prints credentials, or null.</summary>
    public ExecCredential? Exec { get; init; }

    /// <summary>The context's default namespace, or null.</summary>
    public string? Namespace { get; init; }

    /// <summary>How long connecting may take. Default 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A client for <see cref="KubeClient"/>: base address with a closing slash, no overall timeout (watches last).</summary>
    /// <param name="time">Clock for credentials that expire.</param>
    public HttpClient CreateHttpClient(TimeProvider time) => new(CreateHandler(time))
    {
        BaseAddress = new Uri(Server.ToString().TrimEnd('/') + "/"),
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>The same server and trust without anybody's credentials.</summary>
    public KubeEndpoint Anonymous => this with
    {
        ClientCertificate = null, RenewedCertificate = null, Token = null, TokenFile = null, Exec = null, Username = null, Password = null,
    };

    /// <summary>The transport alone, with trust and credentials, for who puts more around it.</summary>
    /// <param name="time">Clock for credentials that expire.</param>
    public HttpMessageHandler CreateHandler(TimeProvider time) => CreateHandler(time, TimeSpan.FromMinutes(10));

    /// <summary>
    /// The transport for requests of any form, upgrades and bodies of unknown length among them. A connection that has carried such a one is not used again: what goes out on it cannot be told
    /// apart into requests any more, and header lines of the next could not be kept apart (<see cref="HeaderLineStream"/>).
    /// </summary>
    /// <param name="time">Clock for credentials that expire.</param>
    public HttpMessageInvoker CreateLiveInvoker(TimeProvider time) =>
        new(new AnyFormHandler(CreateHandler(time, TimeSpan.FromMinutes(10), asTheyCome: true), CreateHandler(time, TimeSpan.Zero, asTheyCome: true)));

    private CredentialHandler CreateHandler(TimeProvider time, TimeSpan connectionLife, bool asTheyCome = false) =>
        new(this, time, RenewedCertificate is null ? Connect(connectionLife, asTheyCome) : new RenewingHandler(RenewedCertificate, () => Connect(connectionLife, asTheyCome), time));

    private HeaderLineHandler Connect(TimeSpan connectionLife, bool asTheyCome)
    {
        var handler = new SocketsHttpHandler
        {
            // An API server does not redirect; following would take our credentials and the user we act as elsewhere.
            AllowAutoRedirect = false,
            ConnectTimeout = ConnectTimeout,
            PooledConnectionLifetime = connectionLife,
            AutomaticDecompression = asTheyCome ? DecompressionMethods.None : DecompressionMethods.GZip,
            UseProxy = Proxy is not null,
            Proxy = Proxy is null ? null : new WebProxy(Proxy),
            KeepAlivePingDelay = TimeSpan.FromSeconds(20),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            SslOptions = Trust(),
            PlaintextStreamFilter = (context, _) => ValueTask.FromResult(
                context.NegotiatedHttpVersion.Major == 1 ? new HeaderLineStream(context.PlaintextStream) : context.PlaintextStream),
        };
        return new HeaderLineHandler(handler);
    }

    private SslClientAuthenticationOptions Trust()
    {
        var options = new SslClientAuthenticationOptions();
        if (ClientCertificate is not null)
        {
            options.ClientCertificates = [ClientCertificate];
            options.LocalCertificateSelectionCallback = (_, _, _, _, _) => RenewedCertificate?.Current ?? ClientCertificate;
        }

        if (SkipServerVerification)
        {
#pragma warning disable CA5359 // The operator wrote insecure-skip-tls-verify into the kubeconfig: kubectl honours it too.
            options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (Authorities.Count > 0)
        {
            var authorities = Authorities;
            options.CertificateChainPolicy = TrustAnchors.Policy(authorities);
            options.RemoteCertificateValidationCallback = (asking, shown, chain, faults) => TrustAnchors.FaultOf(authorities, ((SslStream)asking).TargetHostName, shown as X509Certificate2, chain, faults) is { } fault
                ? throw new AuthenticationException(fault) : true; // The exception takes the words to who asked; false would say that somebody said no.
        }

        return options;
    }

    private sealed class AnyFormHandler(HttpMessageHandler reusing, HttpMessageHandler once) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _reusing = new(reusing);
        private readonly HttpMessageInvoker _once = new(once);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            (request.Headers.Upgrade.Count > 0 || request.Headers.Connection.Contains("Upgrade") || request.Content is { Headers.ContentLength: null } ? _once : _reusing).SendAsync(request, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _reusing.Dispose();
                _once.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    private sealed class CredentialHandler(KubeEndpoint endpoint, TimeProvider time, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (endpoint.ServerName is not null)
            {
                request.Headers.Host = endpoint.ServerName; // SocketsHttpHandler asks for, and verifies, the name that the request is for.
            }

            if (endpoint.Exec is not null)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue(
                    "Bearer", await endpoint.Exec.TokenAsync(time, cancellationToken).ConfigureAwait(false));
            }
            else if (endpoint.TokenFile is not null)
            {
                var token = await File.ReadAllTextAsync(endpoint.TokenFile, cancellationToken).ConfigureAwait(false);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Trim());
            }
            else if (!string.IsNullOrEmpty(endpoint.Token))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", endpoint.Token);
            }
            else if (!string.IsNullOrEmpty(endpoint.Username))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue(
                    "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{endpoint.Username}:{endpoint.Password}")));
            }

            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
    }
}
