using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// Trust in a parent whose CA is known by its pin only. Any certificate may open a connection until the CA has been seen; from then on
/// each connection, those that are open included, must show a certificate of that CA for the host that was dialled. One join; thread-safe.
/// </summary>
/// <param name="pin">Of the tree's CA.</param>
/// <param name="parent">Who is dialled.</param>
/// <param name="time">The clock certificates are held against.</param>
internal sealed class PinnedCheck(CaPin pin, Uri parent, TimeProvider time) : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private readonly ConcurrentQueue<X509Certificate2> unjudged = new();
    private volatile TreeTrust? trusted;
    private volatile Seen? parentSeen;

    /// <summary>Who the parent is, by a certificate that counts; null before one was seen.</summary>
    public PeerIdentity? Peer => parentSeen?.Peer;

    /// <summary>The TLS of all connections of this join.</summary>
    public SslClientAuthenticationOptions Tls => new()
    {
        // What the machine trusts is of no interest: without a policy all of it would be read, for each connection anew.
        CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
        RemoteCertificateValidationCallback = (_, seen, _, _) => Admit(seen as X509Certificate2),
        EnabledSslProtocols = TunnelTls.Protocols,
    };

    /// <summary>Takes what the parent calls its CA. When this returns, the connections there are, and all that follow, are that CA's.</summary>
    /// <param name="raw">The certificate, DER.</param>
    /// <param name="word">The root's word of its CAs, encoded; empty when there is none. It counts when the pinned CA has signed it.</param>
    /// <returns>What is trusted.</returns>
    /// <exception cref="JoinRefusedException">Not the pinned CA, or a connection is not of it: nothing secret may be sent.</exception>
    /// <exception cref="IOException">Not a certificate.</exception>
    public TreeTrust Trust(byte[] raw, byte[] word)
    {
        X509Certificate2 told = Read(raw);
        CaPin seen = CaPin.Of(told);
        TreeTrust? exchanged = word.Length == 0 ? null : TreeTrust.Read(Parse(word), authority => CaPin.Of(authority) == pin);
        if (seen != pin && exchanged is null)
        {
            told.Dispose();
            throw new JoinRefusedException($"{parent} belongs to a tree whose CA is {seen}, not {pin}; check the address and the pin. The token was not sent.");
        }

        TreeTrust trust = exchanged ?? TreeTrust.Of(told);
        trusted = trust;
        while (unjudged.TryDequeue(out X509Certificate2? certificate))
        {
            using (certificate)
            {
                if (Problem(certificate, trust) is { } problem) throw new JoinRefusedException($"{problem}. The token was not sent.");
            }
        }

        return trust;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (unjudged.TryDequeue(out X509Certificate2? certificate)) certificate.Dispose();
    }

    private bool Admit(X509Certificate2? seen)
    {
        if (seen is null) return false;
        if (trusted is { } trust) return Problem(seen, trust) is null;
        unjudged.Enqueue(X509CertificateLoader.LoadCertificate(seen.RawData));
        return true;
    }

    private string? Problem(X509Certificate2 seen, TreeTrust trust)
    {
        using X509Chain chain = new() { ChainPolicy = TunnelTls.TrustOnly(trust) };
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        SslPolicyErrors errors = (chain.Build(seen) ? SslPolicyErrors.None : SslPolicyErrors.RemoteCertificateChainErrors)
            | (seen.MatchesHostname(parent.IdnHost) ? SslPolicyErrors.None : SslPolicyErrors.RemoteCertificateNameMismatch);
        ServerCheck check = new(trust, parent.Host, time);
        if (!check.Validate(this, seen, chain, errors)) return check.Problem;
        parentSeen = new Seen(check.Peer!.Value);
        return null;
    }

    private sealed record Seen(PeerIdentity Peer);

    private TrustList Parse(byte[] word)
    {
        try
        {
            return TrustList.Parser.ParseFrom(word);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new IOException($"{parent} did not answer with the CAs of its tree", e);
        }
    }

    private X509Certificate2 Read(byte[] raw)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(raw);
        }
        catch (Exception e) when (Unreadable.IsCause(e))
        {
            throw new IOException($"{parent} did not answer with a CA certificate", e);
        }
    }
}
