using System.CommandLine;
using Ote.Ctl.Cli;

namespace Ote.Ctl.Placing;

/// <summary>What the commands of this folder take.</summary>
internal static class Arguments
{
    /// <summary>The cluster whose place it is about.</summary>
    internal static Argument<string> Cluster()
    {
        var name = new Argument<string>("CLUSTER") { HelpName = "CLUSTER", Description = "The cluster" };
        name.CompletionSources.Add(Completions.Clusters);
        return name;
    }
}
