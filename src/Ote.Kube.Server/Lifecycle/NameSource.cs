using System.Security.Cryptography;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Makes the endings of generated names.</summary>
internal static class NameSource
{
    // No vowels and no look-alikes: generated names spell nothing.
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789";

    public static string NewSuffix() => RandomNumberGenerator.GetString(Letters, 5);
}
