using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.K3s;

/// <summary>What a k3s agent asks for as it starts, in its order (k3s 1.30: <c>pkg/agent/config</c>): it knows its server again by the digest in its token, and from then on by the authorities that have that digest.</summary>
/// <param name="server">Where it is told that its server is.</param>
/// <param name="token">Its token.</param>
/// <param name="password">The node's password.</param>
internal sealed class AgentExchange(IPEndPoint server, string token, string password) : IDisposable
{
    private static readonly string[] s_files =
    [
        "config", "client-ca.crt", "server-ca.crt", "serving-kubelet.crt", "client-kubelet.crt", "client-kube-proxy.crt", "client-k3s-controller.crt",
    ];

    private readonly X509Certificate2Collection _authorities = [];
    private HttpClient? _http;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>All that an agent is to have before it starts its components, by name.</summary>
    /// <exception cref="HttpRequestException">Something was not answered, or by somebody else.</exception>
    public async Task<IReadOnlyDictionary<string, string>> StartAsync()
    {
        using (var unknown = Client(trusting: true))
        {
            var authorities = await unknown.GetStringAsync("cacerts", Ct);
            Assert.Equal(token[3..67], Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(authorities))));
            _authorities.ImportFromPem(authorities);
        }

        _http = Client();
        var answers = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in s_files)
        {
            answers[file] = await GetAsync(file);
        }

        return answers;
    }

    /// <summary>One of them alone.</summary>
    public Task<string> GetAsync(string file) => (_http ??= Client(trusting: true)).GetStringAsync("v1-k3s/" + file, Ct);

    /// <summary>As the node, once it has its certificate; null: as somebody who shows nothing.</summary>
    public HttpClient As(IssuedCertificate? certificate) => Client(trusting: true, knowsToken: false, certificate);

    /// <summary>The tunnel, which an agent waits for before it starts its kubelet.</summary>
    /// <exception cref="WebSocketException">It is refused.</exception>
    public async Task<ClientWebSocket> TunnelAsync(IssuedCertificate certificate)
    {
        var socket = new ClientWebSocket();
        socket.Options.RemoteCertificateValidationCallback = (_, shown, _, _) => IsOurs((X509Certificate2)shown!);
        socket.Options.ClientCertificates.Add(X509CertificateLoader.LoadPkcs12(X509Certificate2.CreateFromPem(certificate.Certificate, certificate.Key).Export(X509ContentType.Pkcs12), null));
        await socket.ConnectAsync(new Uri($"wss://{server}/v1-k3s/connect"), Ct);
        return socket;
    }

    public void Dispose() => _http?.Dispose();

    private HttpClient Client(bool trusting = false, bool knowsToken = true, IssuedCertificate? certificate = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => trusting || IsOurs((X509Certificate2)shown!);
        if (certificate is not null)
        {
            handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPem(certificate.Certificate, certificate.Key)];
        }

        var http = new HttpClient(handler) { BaseAddress = new Uri($"https://{server}/"), Timeout = TimeSpan.FromSeconds(20) };
        if (knowsToken)
        {
            http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(token[(token.IndexOf("::", StringComparison.Ordinal) + 2)..])));
            http.DefaultRequestHeaders.Add("k3s-Node-Name", "n1");
            http.DefaultRequestHeaders.Add("k3s-Node-Password", password);
        }

        return http;
    }

    private bool IsOurs(X509Certificate2 shown)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(shown) && shown.MatchesHostname($"{server.Address}");
    }
}
