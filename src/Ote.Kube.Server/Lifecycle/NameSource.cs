using System.Security.Cryptography;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Makes uids and the endings of generated names.</summary>
internal sealed class NameSource
{
    // No vowels and no look-alikes: generated names spell nothing.
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789";

    public string NewUid() => Guid.NewGuid().ToString("D");

    public string NewSuffix() => RandomNumberGenerator.GetString(Letters, 5);
}
