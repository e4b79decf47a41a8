using System.CommandLine;
using Ote.Roles.Backup;
using Ote.Roles.ClusterController;
using Ote.Roles.EdgeCluster;
using Ote.Roles.Shim;

var root = new RootCommand("OTE-Stack: the roles of one cluster of the tree")
{
    ClusterControllerCommand.Create(),
    ShimCommand.Create(),
    EdgeClusterCommand.Create(),
    RestoreCommand.Create(),
};
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }).ConfigureAwait(false);
