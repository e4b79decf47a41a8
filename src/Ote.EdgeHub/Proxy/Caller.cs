using Ote.EdgeHub.Upstream;

namespace Ote.EdgeHub.Proxy;

/// <summary>Who calls the hub.</summary>
/// <param name="Name">As the hub knows it: the identity's name, or <c>token</c>.</param>
/// <param name="Identity">The component of the node, or the pod's account, that it is; null: somebody with a bearer token that only the API server can judge.</param>
/// <param name="Token">The bearer token; null: it showed a certificate.</param>
internal sealed record Caller(string Name, NodeIdentity? Identity, string? Token)
{
    /// <summary>Whether it is a pod of the node, or says so.</summary>
    public bool IsPod => Identity?.IsAccount == true;
}
