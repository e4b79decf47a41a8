using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>What a cluster needs to join.</summary>
/// <param name="Parent">Where to, <c>https://host:port</c>.</param>
/// <param name="Pin">Of the tree's CA.</param>
/// <param name="Token">Handed over by the operator; never logged.</param>
/// <param name="Wanted">The name asked for and our own uid.</param>
/// <param name="Hosts">DNS names and addresses our own children may dial us by.</param>
public sealed record JoinTicket(Uri Parent, CaPin Pin, string Token, PeerIdentity Wanted, IReadOnlyCollection<string> Hosts)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Wanted} to {Parent}"; // without the token
}

/// <summary>
/// The child's side of joining. The parent's CA is fetched and held against the pin, and the parent's own certificate against that CA,
/// before the token is sent. Keeps asking while the answer is to wait or nobody answers.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1).</param>
/// <param name="log">What is waited for.</param>
/// <param name="proxy">An HTTP proxy on the way out; null for none.</param>
public sealed class JoinClient(TimeProvider time, Func<double> random, ILogger log, IWebProxy? proxy = null)
{
    private const int MaxAnswerBytes = 256 * 1024;
    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>Joins, and keeps the identity in a directory. The key is made once and kept there while waiting.</summary>
    /// <exception cref="JoinRefusedException">The tree said no, or is not the one the pin names.</exception>
    /// <exception cref="IdentityException">The directory's files are of no use.</exception>
    public async Task<ClusterIdentity> JoinAsync(JoinTicket ticket, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        using ECDsa key = PendingKey.LoadOrCreate(directory);
        JoinRequest request = new()
        {
            RequestId = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(16)),
            Token = ticket.Token,
            Name = ticket.Wanted.Name,
            Uid = ticket.Wanted.Uid,
            Csr = ByteString.CopyFrom(SigningRequest.Create(ticket.Wanted.Name, ticket.Hosts, key)),
        };
        Backoff backoff = new(new BackoffOptions(TimeSpan.FromMilliseconds(250), LongestWait), random);
        string? said = null;
        while (true)
        {
            (JoinAnswer? answer, string? trouble) = await AttemptAsync(ticket, request, ct).ConfigureAwait(false);
            if (answer?.Outcome == JoinAnswer.Types.Outcome.Refused) throw new JoinRefusedException(answer.Text);
            if (answer?.Outcome == JoinAnswer.Types.Outcome.Issued)
            {
                ClusterIdentity identity = Accept(ticket, answer, key);
                identity.Save(directory);
                PendingKey.Remove(directory);
                log.Joined(ticket.Wanted, identity.Certificate.NotAfter);
                return identity;
            }

            TimeSpan wait = backoff.Next();
            TimeSpan asked = TimeSpan.FromMilliseconds(answer?.RetryAfterMilliseconds ?? 0);
            if (asked > wait) wait = asked < LongestWait ? asked : LongestWait;
            string why = trouble ?? answer?.Text ?? "no answer";
            if (why != said) log.JoinWaits(ticket.Wanted, ticket.Parent, why);
            said = why;
            await Task.Delay(wait, time, ct).ConfigureAwait(false);
        }
    }

    private async Task<(JoinAnswer? Answer, string? Trouble)> AttemptAsync(JoinTicket ticket, JoinRequest request, CancellationToken ct)
    {
        using CancellationTokenSource late = new(AttemptTimeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        try
        {
            using X509Certificate2 authority = await FetchAuthorityAsync(ticket, either.Token).ConfigureAwait(false);
            ServerCheck check = new(authority, ticket.Parent.Host);
            SslClientAuthenticationOptions ssl = new()
            {
                CertificateChainPolicy = TunnelTls.TrustOnly(authority),
                RemoteCertificateValidationCallback = check.Validate,
                EnabledSslProtocols = TunnelTls.Protocols,
            };
            try
            {
                return await PostAsync(ticket, request, ssl, either.Token).ConfigureAwait(false);
            }
            catch (HttpRequestException) when (check.Problem is { } problem)
            {
                throw new JoinRefusedException(problem);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return (null, "no answer in time");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (null, e.GetBaseException().Message);
        }
    }

    // Nothing secret is sent here, so any certificate will do; what comes back proves itself by the pin.
    private async Task<X509Certificate2> FetchAuthorityAsync(JoinTicket ticket, CancellationToken ct)
    {
#pragma warning disable CA5359
        SslClientAuthenticationOptions any = new() { RemoteCertificateValidationCallback = static (_, _, _, _) => true, EnabledSslProtocols = TunnelTls.Protocols };
#pragma warning restore CA5359
        using HttpClient http = Client(ticket.Parent, any);
        byte[] raw = await http.GetByteArrayAsync(new Uri("/join/ca", UriKind.Relative), ct).ConfigureAwait(false);
        try
        {
            X509Certificate2 authority = X509CertificateLoader.LoadCertificate(raw);
            CaPin seen = CaPin.Of(authority);
            if (seen == ticket.Pin) return authority;
            authority.Dispose();
            throw new JoinRefusedException($"{ticket.Parent} belongs to a tree whose CA is {seen}, not {ticket.Pin}; check the address and the pin. The token was not sent.");
        }
        catch (CryptographicException e)
        {
            throw new IOException($"{ticket.Parent} did not answer with a CA certificate", e);
        }
    }

    private async Task<(JoinAnswer? Answer, string? Trouble)> PostAsync(JoinTicket ticket, JoinRequest request, SslClientAuthenticationOptions ssl, CancellationToken ct)
    {
        using HttpClient http = Client(ticket.Parent, ssl);
        using ByteArrayContent body = new(request.ToByteArray());
        body.Headers.ContentType = new MediaTypeHeaderValue(JoinService.ContentType);
        using HttpResponseMessage response = await http.PostAsync(new Uri("/join", UriKind.Relative), body, ct).ConfigureAwait(false);
        byte[] content = await response.Content.ReadAsByteArrayAsync(ct).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK) return (null, $"{ticket.Parent} answered {(int)response.StatusCode}");
        try
        {
            return (JoinAnswer.Parser.ParseFrom(content), null);
        }
        catch (InvalidProtocolBufferException)
        {
            return (null, $"{ticket.Parent} did not answer as a parent does");
        }
    }

    private HttpClient Client(Uri parent, SslClientAuthenticationOptions ssl) =>
        new(new SocketsHttpHandler { SslOptions = ssl, Proxy = proxy, UseProxy = proxy is not null })
        {
            BaseAddress = parent,
            MaxResponseContentBufferSize = MaxAnswerBytes,
            Timeout = Timeout.InfiniteTimeSpan, // the attempt has its own
        };

    private static ClusterIdentity Accept(JoinTicket ticket, JoinAnswer answer, ECDsa key)
    {
        try
        {
            X509Certificate2 authority = X509CertificateLoader.LoadCertificate(answer.Authority.Span);
            using X509Certificate2 bare = X509CertificateLoader.LoadCertificate(answer.Certificate.Span);
            if (CaPin.Of(authority) != ticket.Pin) throw new JoinRefusedException("the answer's CA is not the pinned one");
            ClusterIdentity identity = new(bare.CopyWithPrivateKey(key), authority);
            return identity.Peer == ticket.Wanted ? identity : throw new JoinRefusedException($"a certificate for {identity.Peer} was issued instead of {ticket.Wanted}");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new JoinRefusedException($"the issued certificate is of no use: {e.Message}");
        }
    }
}
