using System.Security.Cryptography;
using System.Text;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// The proof that the root has admitted a cluster of a name and a uid. Only who has a CA's key can make or check one; it says nothing of
/// where the cluster hangs. Pure.
/// </summary>
internal static class Membership
{
    /// <summary>Bytes of a proof.</summary>
    public const int Length = 32;

    /// <summary>More than any proof of a later build may have.</summary>
    public const int MaxLength = 64;

    private static readonly byte[] Purpose = Encoding.ASCII.GetBytes("ote.member.v1");

    /// <summary>The key for proofs, derived from a CA's: it signs nothing and opens nothing else.</summary>
    public static byte[] KeyOf(ECDsa authority)
    {
        byte[] secret = authority.ExportParameters(includePrivateParameters: true).D!;
        try
        {
            return HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, Length, info: Purpose);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>The proof of a member. A name has no byte 0, so no two members share one.</summary>
    public static byte[] Prove(byte[] key, PeerIdentity member) =>
        HMACSHA256.HashData(key, (byte[])[.. Purpose, 0, .. Encoding.UTF8.GetBytes(member.Name), 0, .. Encoding.UTF8.GetBytes(member.Uid)]);

    /// <summary>Whether a proof is this member's, compared in constant time.</summary>
    public static bool IsProof(byte[] key, PeerIdentity member, ReadOnlySpan<byte> proof) => CryptographicOperations.FixedTimeEquals(Prove(key, member), proof);
}
