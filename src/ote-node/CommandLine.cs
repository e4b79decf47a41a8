using System.CommandLine;
using Ote.Cli.Completion;
using Ote.Node.Doctor;
using Ote.Node.EdgeHub;
using Ote.Node.Install;

namespace Ote.Node;

/// <summary>All that <c>ote-node</c> can be asked for.</summary>
internal static class CommandLine
{
    internal const string Name = "ote-node";

    internal static Command Build() => new RootCommand("OTE-Stack: what runs on an edge node")
    {
        EdgeHubCommand.Create(), InstallCommand.Install(), InstallCommand.Uninstall(), DoctorCommand.Create(),
    }.WithCompletion(Name, "--kubeconfig", "--client-ca-file", "--data", "--write-kubeconfigs");
}
