namespace Ote.Kube.Server.Addresses;

/// <summary>The ports that are opened at nodes.</summary>
internal static class NodePorts
{
    /// <summary>The least.</summary>
    public const int First = 30000;

    /// <summary>The greatest.</summary>
    public const int Last = 32767;

    // As Kubernetes reckons: a thirty-second of them.
    private const int Kept = 86;

    /// <summary>All of them, free.</summary>
    public static NumberPool Pool() => new(First, Last - First + 1, Kept);
}
