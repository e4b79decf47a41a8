namespace Ote.Cluster.Replicas;

/// <summary>Who the root is, whichever replica leads.</summary>
/// <param name="CertificatePem">The tree's CA.</param>
/// <param name="KeyPem">Its key.</param>
/// <param name="Uid">The root's uid.</param>
public sealed record RootIdentity(string CertificatePem, string KeyPem, string Uid)
{
    /// <summary>Without the key.</summary>
    public override string ToString() => $"root {Uid}";
}
