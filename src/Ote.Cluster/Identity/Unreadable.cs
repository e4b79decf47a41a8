using System.Security.Cryptography;

namespace Ote.Cluster.Identity;

/// <summary>
/// What the platform's cryptography says of bytes that a stranger made. A point that is not on its curve is
/// <see cref="NotSupportedException"/> there, no error of cryptography.
/// </summary>
internal static class Unreadable
{
    public static bool IsCause(Exception e) => e is CryptographicException or ArgumentException or NotSupportedException;
}
