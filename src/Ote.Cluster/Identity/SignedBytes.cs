using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;

namespace Ote.Cluster.Identity;

/// <summary>
/// What the tree's CA signs besides certificates. The purpose is part of what is signed, and begins with a byte no certificate begins
/// with: a signature for one thing is never one for another.
/// </summary>
internal static class SignedBytes
{
    public static byte[] Sign(ECDsa key, string purpose, ReadOnlySpan<byte> content) =>
        key.SignData(Framed(purpose, content), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    public static bool IsSigned(X509Certificate2 authority, string purpose, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        try
        {
            using ECDsa? key = authority.GetECDsaPublicKey();
            return key is not null && key.VerifyData(Framed(purpose, content), signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (Exception e) when (Unreadable.IsCause(e))
        {
            return false; // not even the form of a signature
        }
    }

    /// <summary>Whether at least one of the signatures is of one of these CAs.</summary>
    public static bool IsSignedByAny(IEnumerable<X509Certificate2> authorities, string purpose, ReadOnlySpan<byte> content, IReadOnlyList<ByteString> signatures)
    {
        foreach (X509Certificate2 authority in authorities)
        {
            foreach (ByteString signature in signatures)
            {
                if (IsSigned(authority, purpose, content, signature.Span)) return true;
            }
        }

        return false;
    }

    private static byte[] Framed(string purpose, ReadOnlySpan<byte> content) => [.. Encoding.ASCII.GetBytes(purpose), 0, .. content];
}
