using System.Security.Cryptography;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// The child's side of renewal: a new key pair, certified on the word of the former one. The new key is made here, never leaves, and is
/// on the disk together with its certificate before anything uses it; until then the former identity stands.
/// </summary>
/// <param name="identity">The identity in use.</param>
/// <param name="hosts">DNS names and addresses to ask for.</param>
/// <param name="directory">Where the identity is kept.</param>
/// <param name="ask">Carries a request to the root and the answer back; throws when there is no way now.</param>
/// <param name="log">What was not granted.</param>
internal sealed class RenewalClient(
    IdentitySource identity, IReadOnlyCollection<string> hosts, string directory, Func<JoinRequest, CancellationToken, Task<JoinAnswer>> ask, ILogger log)
{
    /// <summary>Obtains and stores the next identity.</summary>
    /// <exception cref="JoinRefusedException">The tree said no, or the answer is not what was asked for.</exception>
    /// <exception cref="IOException">It could not be stored.</exception>
    public async Task<ClusterIdentity> RenewAsync(CancellationToken ct)
    {
        ClusterIdentity former = identity.Current;
        ECDsa key = SigningRequest.NewKey();
        try
        {
            JoinRequest request = new()
            {
                RequestId = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(16)),
                Name = former.Peer.Name,
                Uid = former.Peer.Uid,
                Csr = ByteString.CopyFrom(SigningRequest.Create(former.Peer.Name, hosts, key)),
                Provisional = former.IsProvisional,
            };
            Renewal.Prove(request, former);
            JoinAnswer answer = await ask(request, ct).ConfigureAwait(false);
            if (answer.Outcome != JoinAnswer.Types.Outcome.Issued) throw new JoinRefusedException(answer.Text);
            ClusterIdentity next = ClusterIdentity.FromAnswer(answer, key, identity.Trust.Trusts, former.Peer);
            if (answer.Text.Length > 0) log.HostsWithheld(former.Peer, answer.Text);
            next.Save(directory);
            return next;
        }
        finally
        {
            key.Dispose(); // the certificate has its own handle on it
        }
    }
}
