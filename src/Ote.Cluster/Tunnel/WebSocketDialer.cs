using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>Dials parents by WebSocket over mutual TLS; trusts the tree's own CA and nothing else.</summary>
/// <param name="identity">Asked for each dial, so that a renewed certificate is used.</param>
/// <param name="time">The clock.</param>
/// <param name="proxy">An HTTP proxy on the way out; null for none.</param>
/// <param name="trust">The CAs whose certificates count; null for that of the identity.</param>
/// <param name="untrusted">
/// Called when a parent showed a certificate of a CA that does not count: it may know of an exchange of the CA. The next dial may succeed.
/// </param>
/// <param name="joined">The connection over which the cluster has just joined; the first link to that parent goes over it, if it is still there. Owned.</param>
/// <param name="objection">Why an address must not be served by a cluster that could prove itself; null when it may. Null for no objections.</param>
public sealed class WebSocketDialer(
    Func<ClusterIdentity> identity, TimeProvider time, IWebProxy? proxy = null, Func<Uri, PeerIdentity, string?>? objection = null,
    Func<TreeTrust>? trust = null, Func<Uri, CancellationToken, Task>? untrusted = null, JoinedConnection? joined = null) : IDialer, IStreamDialer
{
    private JoinedConnection? first = joined;

    /// <inheritdoc/>
    public async Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(parent);
        if (Interlocked.Exchange(ref first, null) is { } open && await OverAsync(open, parent, ct).ConfigureAwait(false) is { } dialed) return dialed;
        ClusterIdentity self = identity();
        ServerCheck check = Check(self, parent);
        using HttpMessageInvoker invoker = new(Handler(self, check, reached));
        ClientWebSocket socket = new();
        socket.Options.KeepAliveInterval = TimeSpan.Zero;
        try
        {
            await socket.ConnectAsync(Address(parent), invoker, ct).ConfigureAwait(false);
            return new Dialed(new WebSocketChannel(socket), check.Peer ?? throw new IOException($"the certificate of {parent} names no cluster"));
        }
        catch (Exception e) when (e is WebSocketException or HttpRequestException or IOException)
        {
            socket.Dispose();
            if (check.IsUntrusted && untrusted is not null) await untrusted(parent, ct).ConfigureAwait(false);
            throw new IOException(check.Problem ?? OwnEnd(self, parent, e) ?? Reason(parent, e), e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<ByteStream> DialStreamAsync(Uri parent, string id, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(parent);
        ClusterIdentity self = identity();
        ServerCheck check = Check(self, parent);
        HttpMessageInvoker invoker = new(Handler(self, check));
        ClientWebSocket socket = new();
        socket.Options.KeepAliveInterval = TimeSpan.Zero;
        try
        {
            await socket.ConnectAsync(new UriBuilder(parent) { Scheme = "wss", Path = StreamDoor.Path + id }.Uri, invoker, ct).ConfigureAwait(false);
            return new WebSocketByteStream(socket, time, invoker);
        }
        catch (Exception e)
        {
            socket.Dispose();
            invoker.Dispose();
            if (e is WebSocketException or HttpRequestException or IOException) throw new IOException(check.Problem ?? OwnEnd(self, parent, e) ?? Reason(parent, e), e);
            throw;
        }
    }

    // Null when that does not lead there any more: then it is dialled like any other.
    private async Task<Dialed?> OverAsync(JoinedConnection open, Uri parent, CancellationToken ct)
    {
        using (open)
        {
            if (open.Parent.Authority != parent.Authority || objection?.Invoke(parent, open.Peer) is not null) return null;
            ClientWebSocket socket = new();
            socket.Options.KeepAliveInterval = TimeSpan.Zero;
            try
            {
                await socket.ConnectAsync(Address(parent), open.Invoker, ct).ConfigureAwait(false);
                return new Dialed(new WebSocketChannel(socket), open.Peer);
            }
            catch (Exception e) when (e is WebSocketException or HttpRequestException or IOException)
            {
                socket.Dispose();
                return null;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static Uri Address(Uri parent) => new UriBuilder(parent) { Scheme = "wss", Path = "/tunnel" }.Uri;

    /// <inheritdoc/>
    public async Task<Probe> ProbeAsync(Uri parent, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(parent);
        ClusterIdentity self = identity();
        ServerCheck check = Check(self, parent);
        using HttpClient client = new(Handler(self, check)) { MaxResponseContentBufferSize = ProtocolLimits.HandshakePacketBytes, Timeout = Timeout.InfiniteTimeSpan };
        Uri address = new(parent, "/tunnel/probe");
        try
        {
            // Twice: the first pays for the connection, the second is the round trip.
            await client.GetByteArrayAsync(address, ct).ConfigureAwait(false);
            long began = time.GetTimestamp();
            byte[] answer = await client.GetByteArrayAsync(address, ct).ConfigureAwait(false);
            return new Probe(
                check.Peer ?? throw new IOException($"the certificate of {parent} names no cluster"), ProbeAnswer.Parser.ParseFrom(answer), time.GetElapsedTime(began));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or Google.Protobuf.InvalidProtocolBufferException)
        {
            throw new IOException(check.Problem ?? OwnEnd(self, parent, e) ?? Reason(parent, e), e);
        }
    }

    private ServerCheck Check(ClusterIdentity self, Uri parent) =>
        new(Trust(self), parent.Host, time, objection is null ? null : who => objection(parent, who));

    private TreeTrust Trust(ClusterIdentity self) => trust?.Invoke() ?? TreeTrust.Of(self.Authority);

    private SocketsHttpHandler Handler(ClusterIdentity self, ServerCheck check, Action? reached = null) => new()
    {
        ConnectCallback = proxy is null && reached is not null ? (context, ct) => ConnectAsync(context.DnsEndPoint, reached, ct) : null,
        Proxy = proxy,
        UseProxy = proxy is not null,
        PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
        SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificateContext = self.TlsContext,
            CertificateChainPolicy = TunnelTls.TrustOnly(Trust(self)),
            RemoteCertificateValidationCallback = check.Validate,
            EnabledSslProtocols = TunnelTls.Protocols,
        },
        PlaintextStreamFilter = static (context, _) => ValueTask.FromResult<Stream>(new PatientStream(context.PlaintextStream)),
    };

    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint parent, Action reached, CancellationToken ct)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(parent, ct).ConfigureAwait(false);
            reached();
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // A parent ends the connection of who shows a certificate that has ended, and cannot say why: that looks like a bad network.
    private string? OwnEnd(ClusterIdentity self, Uri parent, Exception e)
    {
        DateTimeOffset end = self.Certificate.NotAfter;
        if (time.GetUtcNow() < end || Cause(e) is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError) return null;
        return $"{parent.Authority}: this cluster's own certificate ended at {end.ToUniversalTime():u}, so no parent takes it before it has another; what keeps it from being renewed is told beside this";
    }

    private static HttpRequestError? Cause(Exception e) => e is HttpRequestException http ? http.HttpRequestError : e.InnerException is { } inner ? Cause(inner) : null;

    private static string Reason(Uri parent, Exception e)
    {
        Exception root = e.GetBaseException();
        return $"{parent.Authority}: {root.Message}";
    }
}

/// <summary>Checks a server's certificate against the tree's CA and remembers who it was.</summary>
/// <param name="trust">The only trusted CAs.</param>
/// <param name="host">The host that was dialled.</param>
/// <param name="time">The clock it is held against.</param>
/// <param name="objection">Why not this cluster, though it is who it says; null for no objections.</param>
internal sealed class ServerCheck(TreeTrust trust, string host, TimeProvider time, Func<PeerIdentity, string?>? objection = null)
{
    public PeerIdentity? Peer { get; private set; }

    /// <summary>The certificate is of a CA that does not count.</summary>
    public bool IsUntrusted { get; private set; }

    /// <summary>What is wrong with the certificate; null when nothing is, or none was seen.</summary>
    public string? Problem { get; private set; }

    public bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 seen || !CertificateNames.TryReadIdentity(seen, out PeerIdentity peer))
        {
            Problem = $"{host} showed no certificate of a cluster";
            return false;
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) && ProvisionalCertificate.IsOne(seen))
        {
            Problem = $"{peer} at {host} has a provisional certificate only; it takes children when the root has admitted it";
            return false;
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            IsUntrusted = true;
            string why = string.Join("; ", chain?.ChainStatus.Select(status => status.StatusInformation.Trim()) ?? []);
            Problem = $"the certificate {host} showed ({peer}) is not trusted by the tree's CA {CaPin.Of(trust.Authorities[0])}: {why}";
            return false;
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            Problem = $"the certificate of {peer} is not for {host}; dial it by a name it advertises, or give it this one";
            return false;
        }

        if (TunnelTls.OutOfTime(seen, trust.IssuerOf(seen), time.GetUtcNow()) is { } late)
        {
            Problem = $"the certificate {host} showed ({peer}) does not count: {late}";
            return false;
        }

        if (objection?.Invoke(peer) is { } no)
        {
            Problem = no;
            return false;
        }

        Peer = peer;
        return true;
    }
}
