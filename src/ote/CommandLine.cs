using System.CommandLine;
using Ote.Cli.Completion;
using Ote.Roles.Backup;
using Ote.Roles.ClusterController;
using Ote.Roles.ControllerManager;
using Ote.Roles.EdgeCluster;
using Ote.Roles.EdgeController;
using Ote.Roles.Shim;

namespace Ote.Roles;

/// <summary>All that <c>ote</c> can be asked for.</summary>
internal static class CommandLine
{
    internal const string Name = "ote";

    internal static Command Build() => new RootCommand("OTE-Stack: the roles of one cluster of the tree")
    {
        ClusterControllerCommand.Create(),
        ControllerManagerCommand.Create(),
        ShimCommand.Create(),
        EdgeClusterCommand.Create(),
        EdgeControllerCommand.Create(),
        RestoreCommand.Create(),
    }.WithCompletion(Name, "--data", "--kubeconfig", "--managed-kubeconfig", "--join-token-file", "--audit-log", "--command-policy", "--message-policy", "--api-token-file", "--reports");
}
