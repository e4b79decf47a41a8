using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Ote.Bench.Load;
using Ote.Kube.Client;

namespace Ote.Bench.Access;

/// <summary>
/// A process that takes TLS connections and passes their bytes on over TLS, and does nothing else: the least that a hop between two authenticated links can cost on this machine.
/// </summary>
internal static class HopProgram
{
    private const int BufferBytes = 128 * 1024;

    public static Task<int> RunAsync() => LineServer.RunAsync(BeginAsync);

    /// <summary>What to ask a process of it for.</summary>
    /// <param name="certificate">It shows, with its key.</param>
    /// <param name="next">Where it passes bytes to.</param>
    public static JsonObject Asking(X509Certificate2 certificate, KubeEndpoint next) => new()
    {
        ["do"] = "hop",
        ["certificate"] = Convert.ToBase64String(certificate.Export(X509ContentType.Pkcs12)),
        ["to"] = next.Server.Authority,
        ["authority"] = next.Authorities.ExportCertificatePems(),
        ["client"] = next.ClientCertificate is { } client ? Convert.ToBase64String(client.Export(X509ContentType.Pkcs12)) : null,
    };

    private static Task<JsonObject> BeginAsync(JsonObject asked)
    {
        var near = new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(Loaded(asked["certificate"])!, null) };
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem((string)asked["authority"]!);
        var to = IPEndPoint.Parse((string)asked["to"]!);
        var far = new SslClientAuthenticationOptions { TargetHost = to.Address.ToString(), CertificateChainPolicy = policy };
        if (Loaded(asked["client"]) is { } client)
        {
            far.ClientCertificates = [client];
        }

        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = AcceptAsync(listener, near, to, far);
        return Task.FromResult(new JsonObject { ["at"] = listener.LocalEndpoint.ToString() });
    }

    private static X509Certificate2? Loaded(JsonNode? packed) => packed is null ? null : X509CertificateLoader.LoadPkcs12(Convert.FromBase64String((string)packed!), null);

    private static async Task AcceptAsync(TcpListener listener, SslServerAuthenticationOptions near, IPEndPoint to, SslClientAuthenticationOptions far)
    {
        while (true)
        {
            _ = PassAsync(await listener.AcceptSocketAsync(), near, to, far); // the process ends with its input
        }
    }

    private static async Task PassAsync(Socket taken, SslServerAuthenticationOptions near, IPEndPoint to, SslClientAuthenticationOptions far)
    {
        taken.NoDelay = true;
        using var made = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await made.ConnectAsync(to);
            await using var here = new SslStream(new NetworkStream(taken, ownsSocket: true));
            await using var there = new SslStream(new NetworkStream(made));
            await here.AuthenticateAsServerAsync(near);
            await there.AuthenticateAsClientAsync(far);
            await Task.WhenAny(here.CopyToAsync(there, BufferBytes), there.CopyToAsync(here, BufferBytes));
        }
        catch (Exception gone) when (gone is IOException or SocketException or System.Security.Authentication.AuthenticationException)
        {
            await Console.Error.WriteLineAsync($"hop to {to}: {gone.Message}");
        }
    }
}
