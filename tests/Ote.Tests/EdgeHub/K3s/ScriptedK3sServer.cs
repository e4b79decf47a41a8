using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Server;
using Ote.Kube.Server.Http;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.K3s;

/// <summary>
/// What a k3s server answers an agent, as k3s 1.30 does: the authorities to anybody, the configuration and authorities to who knows the token, certificates with their keys to who knows the node's password besides, the tunnel to who
/// shows the kubelet's certificate.
/// </summary>
internal sealed class ScriptedK3sServer : IAsyncDisposable
{
    public const string Secret = "s3cret";
    private readonly ClusterAuthority _clients = new("k3s-client-ca", TimeProvider.System);
    private readonly ClusterAuthority _servers = new("k3s-server-ca", TimeProvider.System);
    private readonly ConcurrentDictionary<string, string> _nodes = new(StringComparer.Ordinal);
    private Listener _listener = null!;

    public IPEndPoint Address => _listener.Address;

    /// <summary>As it stands in the server's <c>node-token</c>: with it an agent knows the server again.</summary>
    public string Token => $"K10{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_servers.Certificate)))}::node:{Secret}";

    public string ClientAuthority => _clients.Certificate;

    public string ServerAuthority => _servers.Certificate;

    /// <summary>The token counts no longer.</summary>
    public bool IsWithdrawn { get; set; }

    /// <summary>It is starting, or its datastore is away.</summary>
    public bool IsUnwell { get; set; }

    public static async Task<ScriptedK3sServer> StartAsync(CancellationToken ct)
    {
        var server = new ScriptedK3sServer();
        var own = server._servers.IssueServer("k3s", [], [IPAddress.Loopback]);
        server._listener = await Listener.StartAsync(
            new IPEndPoint(IPAddress.Loopback, 0), () => X509Certificate2.CreateFromPem(own.Certificate, own.Key), new ApiServerOptions { Name = "k3s" }, server.AnswerAsync, NullLoggerFactory.Instance, TimeProvider.System, ct);
        return server;
    }

    /// <summary>A certificate as an agent gets it, with its key behind it.</summary>
    public IssuedCertificate Issue(string user, params string[] groups) => _clients.IssueClient(user, groups);

    /// <summary>The serving certificate of a node's kubelet.</summary>
    public IssuedCertificate IssueServing(string node) => _servers.IssueServer(node, [node, "localhost"], [IPAddress.Loopback]);

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        _clients.Dispose();
        _servers.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (IsUnwell && path != "/readyz")
        {
            context.Response.StatusCode = 503;
            return;
        }

        if (path is "/cacerts" or "/readyz")
        {
            await context.Response.WriteAsync(path == "/cacerts" ? ServerAuthority : "ok");
            return;
        }

        var isNode = context.Connection.ClientCertificate is { } shown && shown.Issuer == _clients.Root.Subject && shown.GetNameInfo(X509NameType.SimpleName, false) == "system:node:n1";
        if (path == "/v1-k3s/connect" || path == "/v1-k3s/apiservers")
        {
            await (!isNode ? RefuseAsync(context, 401) : path == "/v1-k3s/connect" ? EchoAsync(context) : context.Response.WriteAsync("[\"10.0.0.1:6443\"]"));
            return;
        }

        var isKnown = context.Request.Headers.Authorization == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("node:" + Secret));
        if (IsWithdrawn || !isKnown)
        {
            await RefuseAsync(context, 401);
            return;
        }

        string node = context.Request.Headers["k3s-Node-Name"].ToString(), password = context.Request.Headers["k3s-Node-Password"].ToString();
        var isOfNode = path.EndsWith("kubelet.crt", StringComparison.Ordinal);
        if (isOfNode && (node.Length == 0 || _nodes.GetOrAdd(node, password) != password))
        {
            await RefuseAsync(context, 403);
            return;
        }

        var answer = path switch
        {
            "/v1-k3s/config" => """{"ClusterIPRange":{"IP":"10.42.0.0","Mask":"//8AAA=="},"HTTPSPort":6443,"SupervisorPort":6443,"FlannelBackend":"vxlan"}""",
            "/v1-k3s/client-ca.crt" => ClientAuthority,
            "/v1-k3s/server-ca.crt" => ServerAuthority,
            "/v1-k3s/serving-kubelet.crt" => Both(IssueServing(node)),
            "/v1-k3s/client-kubelet.crt" => Both(Issue("system:node:" + node, "system:nodes")),
            "/v1-k3s/client-kube-proxy.crt" => Both(Issue("system:kube-proxy")),
            "/v1-k3s/client-k3s-controller.crt" => Both(Issue("system:k3s-controller")),
            _ => null,
        };
        await (answer is null ? RefuseAsync(context, 404) : context.Response.WriteAsync(answer));
    }

    private static string Both(IssuedCertificate issued) => issued.Certificate + "\n" + issued.Key;

    private static Task RefuseAsync(HttpContext context, int code)
    {
        context.Response.StatusCode = code;
        return Task.CompletedTask;
    }

    /// <summary>Says again what comes, as far as an agent's tunnel matters here: bytes both ways after an upgrade.</summary>
    private static async Task EchoAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect)
        {
            await using var streamed = await connect.AcceptAsync(); // RFC 8441, which a proxy may make of it
            await streamed.CopyToAsync(streamed, context.RequestAborted);
            return;
        }

        context.Response.Headers.Connection = "Upgrade";
        context.Response.Headers.Upgrade = "websocket";
#pragma warning disable CA5350 // RFC 6455, section 4.2.2, has it so.
        context.Response.Headers.SecWebSocketAccept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(context.Request.Headers.SecWebSocketKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        await using var stream = await context.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
        await stream.CopyToAsync(stream, context.RequestAborted);
    }
}
