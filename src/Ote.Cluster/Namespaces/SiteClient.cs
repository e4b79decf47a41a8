using Ote.Kube.Client;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Namespaces;

/// <summary>How the API of a cluster below is asked, as a user. Thread-safe.</summary>
/// <param name="cluster">The cluster.</param>
/// <param name="requester">The user.</param>
/// <returns>For one request; the caller's to dispose.</returns>
internal delegate KubeClient SiteClient(string cluster, Requester requester);
