using System.CommandLine;
using Ote.Node.EdgeHub;

namespace Ote.Node.Install;

/// <summary>An option of the hub that was given to <c>install</c> itself. Pure.</summary>
internal static class MisplacedOption
{
    /// <summary>What is said of it; null: there is none.</summary>
    /// <param name="typed">The whole command line.</param>
    public static string? Of(IReadOnlyList<string> typed)
    {
        if (typed is not ["install", ..])
        {
            return null;
        }

        var own = Names(InstallCommand.Install());
        var hubs = Names(EdgeHubCommand.Create());
        return typed.TakeWhile(word => word != "--").Select(word => word.Split('=', ':')[0]).FirstOrDefault(name => hubs.Contains(name) && !own.Contains(name)) is { } misplaced
            ? $"{misplaced} is an option of the hub, and those come after --, such as `ote-node install -- {misplaced} ...`" : null;
    }

    private static HashSet<string> Names(Command command) => [.. command.Options.SelectMany(option => option.Aliases.Append(option.Name))];
}
