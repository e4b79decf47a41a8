using System.Net;
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
/// <param name="waits">Told what is waited for, whenever that changes, on the thread that joins; null: nobody.</param>
public sealed class JoinClient(TimeProvider time, Func<double> random, ILogger log, IWebProxy? proxy = null, Action<string>? waits = null)
{
    // When thousands join at once, each waits for its turn at the parent; giving up early only lengthens the line.
    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);
    private readonly JoinDoor door = new(time, proxy);

    /// <summary>Joins, and keeps the identity in a directory. The key is made once and kept there while waiting.</summary>
    /// <exception cref="JoinRefusedException">The tree said no, or is not the one the pin names.</exception>
    /// <exception cref="IdentityException">The directory's files are of no use.</exception>
    public async Task<Joined> JoinAsync(JoinTicket ticket, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        using ECDsa key = PendingKey.LoadOrCreate(directory);
        using X509Certificate2 applicant = Applicant.Create(key);
        SslStreamCertificateContext shown = SslStreamCertificateContext.Create(applicant, null, offline: true);
        JoinRequest request = new()
        {
            RequestId = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(16)),
            Token = ticket.Token,
            Name = ticket.Wanted.Name,
            Uid = ticket.Wanted.Uid,
            Csr = ByteString.CopyFrom(SigningRequest.Create(ticket.Wanted.Name, ticket.Hosts, key)),
            Provisional = true,
        };
        Backoff backoff = new(new BackoffOptions(TimeSpan.FromMilliseconds(250), LongestWait), random);
        string? said = null;
        while (true)
        {
            (JoinAnswer? answer, TreeTrust? trust, JoinedConnection? connection, string? trouble) = await AttemptAsync(ticket, request, shown, ct).ConfigureAwait(false);
            if (answer?.Outcome == JoinAnswer.Types.Outcome.Refused) throw new JoinRefusedException(answer.Text);
            if (connection is not null)
            {
                return new Joined(Keep(answer!, trust!, key, ticket, directory, connection), connection);
            }

            TimeSpan wait = backoff.Next();
            TimeSpan asked = TimeSpan.FromMilliseconds(answer?.RetryAfterMilliseconds ?? 0);
            if (asked > wait) wait = asked < LongestWait ? asked : LongestWait;
            string why = trouble ?? answer?.Text ?? "no answer";
            if (why != said)
            {
                log.JoinWaits(ticket.Wanted, ticket.Parent, why);
                waits?.Invoke(why);
            }

            said = why;
            await Task.Delay(wait, time, ct).ConfigureAwait(false);
        }
    }

    private ClusterIdentity Keep(JoinAnswer answer, TreeTrust trust, ECDsa key, JoinTicket ticket, string directory, JoinedConnection connection)
    {
        try
        {
            ClusterIdentity identity = ClusterIdentity.FromAnswer(answer, key, trust.Trusts, ticket.Wanted);
            if (answer.Text.Length > 0) log.HostsWithheld(ticket.Wanted, answer.Text);
            identity.Save(directory);
            PendingKey.Remove(directory);
            log.Joined(ticket.Wanted, identity.Certificate.NotAfter);
            return identity;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private async Task<(JoinAnswer? Answer, TreeTrust? Trust, JoinedConnection? Connection, string? Trouble)> AttemptAsync(
        JoinTicket ticket, JoinRequest request, SslStreamCertificateContext applicant, CancellationToken ct)
    {
        using CancellationTokenSource late = new(AttemptTimeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        try
        {
            (JoinAnswer answer, TreeTrust trust, JoinedConnection? connection) = await door.AskAsync(ticket.Parent, ticket.Pin, request, applicant, either.Token).ConfigureAwait(false);
            return (answer, trust, connection, null);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return (null, null, null, "no answer in time");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (null, null, null, e.GetBaseException().Message);
        }
    }
}
