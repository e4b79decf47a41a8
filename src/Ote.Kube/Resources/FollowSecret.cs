namespace Ote.Kube.Resources;

/// <summary>
/// How a controller manager comes to the root: a Secret that the root writes on the real Kubernetes they share, with where its door is and a client certificate for it. Whoever may read it may follow the tree's reports and ask clusters
/// in any user's name.
/// </summary>
public static class FollowSecret
{
    /// <summary>Its name, in the namespace of the root.</summary>
    public const string Name = "ote-follow";

    /// <summary>Key: <c>host:port</c>.</summary>
    public const string AddressKey = "address";

    /// <summary>Key: the door's authority, PEM.</summary>
    public const string AuthorityKey = "ca.crt";

    /// <summary>Key: the client certificate, PEM.</summary>
    public const string CertificateKey = "tls.crt";

    /// <summary>Key: its key, PEM.</summary>
    public const string PrivateKey = "tls.key";

    /// <summary>To whom the certificate is issued.</summary>
    public const string User = "ote-controller-manager";
}
