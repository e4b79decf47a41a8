namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>As whom requests reach the cluster.</summary>
public enum Impersonation
{
    /// <summary>As the user who gave the command, with that user's groups: the cluster's own authorisation and audit apply to him. A request without a user is refused.</summary>
    Requester,

    /// <summary>As the shim itself, whoever asked: every commander has the shim's rights.</summary>
    None,
}
