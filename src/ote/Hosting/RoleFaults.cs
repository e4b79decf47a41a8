using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Kube.Client;
using Ote.Shim;

namespace Ote.Roles.Hosting;

/// <summary>A role cannot start as asked: one line for the operator.</summary>
internal sealed class RoleException(string message) : Exception(message);

/// <summary>Which exceptions carry a line written for the operator; anything else is a fault of ours and shows its stack.</summary>
internal static class RoleFaults
{
    public static bool IsForOperator(Exception fault) =>
        fault is RoleException or ClusterControllerException or JournalException or KubeconfigException or ShimStartException
            or IOException or UnauthorizedAccessException or HttpRequestException or KubeStatusException;
}
