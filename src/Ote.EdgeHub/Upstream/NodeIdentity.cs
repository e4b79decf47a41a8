using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using Ote.EdgeHub.Sharing;
using Ote.Kube.Client;

namespace Ote.EdgeHub.Upstream;

/// <summary>
/// Somebody on the node, as its own credentials make it: a component, by its kubeconfig, or the service account of a pod, by the token that the pod shows. Who calls the hub as this one is passed on to the API server with this
/// one's credentials, never with another's. Nobody's credentials are lent to anybody. Thread-safe.
/// </summary>
public sealed class NodeIdentity : IDisposable
{
    private static readonly TimeSpan s_near = TimeSpan.FromSeconds(3);
    private readonly KubeEndpoint _endpoint;
    private readonly UpstreamServers _servers;
    private string? _token;
    private int _refused;

    private NodeIdentity(string name, KubeEndpoint endpoint, UpstreamServers servers, TimeProvider time, string? token = null, Func<HttpMessageHandler>? transport = null)
    {
        (Name, _endpoint, _servers, _token) = (name, endpoint, servers, token);
        Calls = new HttpMessageInvoker(Balanced());
        Live = transport is null ? endpoint.CreateLiveInvoker(time) : new HttpMessageInvoker(transport());
        Client = new KubeClient(new HttpClient(Balanced()) { BaseAddress = new Uri("https://upstream/"), Timeout = System.Threading.Timeout.InfiniteTimeSpan }, "ote-node");

        DelegatingHandler Balanced() => new Noting(this, new BalancingHandler(servers, transport is not null ? transport() : token is null ? endpoint.CreateHandler(time) : new Showing(this, endpoint.CreateHandler(time))));
    }

    /// <summary>The user's name: the certificate's common name, the file's name for a kubeconfig with a token, <c>system:serviceaccount:NAMESPACE:NAME</c> for a pod's account.</summary>
    public string Name { get; }

    /// <summary>Whether it is the account of a pod, and no component of the node.</summary>
    public bool IsAccount => Volatile.Read(ref _token) is not null;

    /// <summary>Whether the API server's last word on its credentials was that it does not take them (401).</summary>
    public bool IsRefused => Volatile.Read(ref _refused) == 1;

    /// <summary>Raised with it when that has changed. From any thread.</summary>
    internal event Action<NodeIdentity>? Judged;

    /// <summary>Whether it shows a client certificate.</summary>
    internal bool IsByCertificate => _endpoint.ClientCertificate is not null;

    /// <summary>The one that it shows now; null: none.</summary>
    internal X509Certificate2? Certificate => _endpoint.RenewedCertificate?.Current ?? _endpoint.ClientCertificate;

    /// <summary>Whether none of these authorities issued the certificate that it shows: the hub, which judges its callers by them, would refuse this one's component. One that has run out is judged as it was before.</summary>
    /// <param name="authorities">The authorities.</param>
    /// <param name="now">The time.</param>
    internal bool IsForeignTo(X509Certificate2Collection authorities, DateTimeOffset now) =>
        Certificate is { } own && !TrustAnchors.IssuedClient(authorities, own, now, asItWas: true);

    /// <summary>The token by which a component shows that it is this one, as its file says it now; null: by certificate, or the file cannot be read.</summary>
    internal string? Token => _endpoint.TokenFile is { } file ? Read(file) : _endpoint.Token;

    /// <summary>Requests whose server the balance chooses.</summary>
    internal HttpMessageInvoker Calls { get; }

    /// <summary>Requests of any form to a server that is named; an account's bring their token themselves.</summary>
    internal HttpMessageInvoker Live { get; }

    /// <summary>The API through the balance.</summary>
    internal KubeClient Client { get; }

    /// <summary>The API where it may be a hub of the site that answers; null: this one reads from the API server alone.</summary>
    internal KubeClient? Shared { get; private set; }

    /// <summary>Reads a component's kubeconfig.</summary>
    /// <param name="file">The file.</param>
    /// <param name="servers">Where requests go.</param>
    /// <param name="time">The clock.</param>
    /// <param name="transport">Makes what carries requests in place of sockets; null: sockets.</param>
    /// <exception cref="KubeconfigException">It cannot be read, or has no credentials that can be told apart.</exception>
    public static NodeIdentity Load(string file, UpstreamServers servers, TimeProvider time, Func<HttpMessageHandler>? transport = null) => Of(Kubeconfig.Load(file), file, servers, time, transport);

    /// <summary>The same of an endpoint that was read.</summary>
    /// <param name="endpoint">The credentials.</param>
    /// <param name="source">The file they came from, for errors, and for the name of one with a token.</param>
    /// <param name="servers">Where requests go.</param>
    /// <param name="time">The clock.</param>
    /// <param name="transport">Makes what carries requests in place of sockets; null: sockets.</param>
    /// <exception cref="KubeconfigException">They cannot be told apart from others.</exception>
    public static NodeIdentity Of(KubeEndpoint endpoint, string source, UpstreamServers servers, TimeProvider time, Func<HttpMessageHandler>? transport = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint.ClientCertificate is { } certificate)
        {
            return new NodeIdentity(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), endpoint, servers, time, null, transport);
        }

        return string.IsNullOrEmpty(endpoint.Token) && string.IsNullOrEmpty(endpoint.TokenFile)
            ? throw new KubeconfigException($"kubeconfig {source}: it has neither a client certificate nor a token, by which its component could show the hub who it is. Give a kubeconfig with one of them.")
            : new NodeIdentity(Path.GetFileNameWithoutExtension(source), endpoint, servers, time, null, transport);
    }

    /// <summary>A pod's account, whose token the API server has judged.</summary>
    /// <param name="name">The user, as the API server says it.</param>
    /// <param name="token">The token.</param>
    /// <param name="anonymous">The API servers' trust, without credentials.</param>
    /// <param name="servers">Where requests go.</param>
    /// <param name="time">The clock.</param>
    internal static NodeIdentity OfAccount(string name, string token, KubeEndpoint anonymous, UpstreamServers servers, TimeProvider time) => new(name, anonymous, servers, time, token);

    /// <summary>From now on what is the same on all nodes may be read from another hub, to which this one shows its certificate as it does to the API server.</summary>
    internal void Share(SharedReads reads, TimeProvider time)
    {
        var handler = new SharedReadsHandler(reads, At, time, new BalancingHandler(_servers, _endpoint.CreateHandler(time)));
        Shared = new KubeClient(new HttpClient(handler) { BaseAddress = new Uri("https://shared/"), Timeout = System.Threading.Timeout.InfiniteTimeSpan }, "ote-node");

        HttpMessageHandler At(SharingHub hub) => (_endpoint with
        {
            Server = hub.Address, Authorities = [X509CertificateLoader.LoadCertificate(Convert.FromBase64String(hub.Authority))], ServerName = null, SkipServerVerification = false, Proxy = null,
            ConnectTimeout = s_near,
        }).CreateHandler(time);
    }

    /// <summary>A newer token of the same account was judged: watches that begin from now on show it.</summary>
    internal void Renew(string token) => Volatile.Write(ref _token, token);

    /// <inheritdoc/>
    public void Dispose()
    {
        Calls.Dispose();
        Live.Dispose();
        Client.Dispose();
        Shared?.Dispose();
    }

    private static string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim() is { Length: > 0 } token ? token : null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null; // Its component is refused until it is there again.
        }
    }

    private void Note(HttpStatusCode code)
    {
        var refused = code == HttpStatusCode.Unauthorized ? 1 : 0;
        if ((int)code < 500 && Interlocked.Exchange(ref _refused, refused) != refused)
        {
            Judged?.Invoke(this);
        }
    }

    private sealed class Noting(NodeIdentity identity, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            identity.Note(answer.StatusCode);
            return answer;
        }
    }

    private sealed class Showing(NodeIdentity account, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Volatile.Read(ref account._token));
            return base.SendAsync(request, cancellationToken);
        }
    }
}
