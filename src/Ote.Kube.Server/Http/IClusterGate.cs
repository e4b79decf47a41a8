using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Access;

namespace Ote.Kube.Server.Http;

/// <summary>The way into the APIs of other clusters: what is behind <c>/clusters/NAME</c>. Thread-safe.</summary>
public interface IClusterGate
{
    /// <summary>Carries one request, which is authenticated and allowed, to a cluster and its answer back. What keeps it from that is answered with a Status.</summary>
    /// <param name="context">The request.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="user">Who asks.</param>
    /// <param name="target">Path and query at the cluster.</param>
    Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target);
}
