using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;

namespace Ote.Roles.ClusterController;

/// <summary>Leads from the embedded API into those of the clusters below, once the controller runs.</summary>
internal sealed class ClusterGate : IClusterGate
{
    private Ote.Cluster.Handling.ClusterController? _controller;

    /// <summary>The controller; null while it starts.</summary>
    public Ote.Cluster.Handling.ClusterController? Controller
    {
        get => Volatile.Read(ref _controller);
        set => Volatile.Write(ref _controller, value);
    }

    public Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target)
    {
        if (Controller is { } controller)
        {
            return controller.ForwardAsync(context, cluster, user.Name, user.Groups, target);
        }

        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = "5";
        return Task.CompletedTask;
    }
}
