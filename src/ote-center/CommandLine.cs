using System.CommandLine;
using System.CommandLine.Help;
using Ote.Center.Up;

namespace Ote.Center;

/// <summary>All that <c>ote-center</c> can be asked for.</summary>
internal static class CommandLine
{
    /// <summary>As people call it: the launcher runs this program.</summary>
    internal const string Name = "./ote";

    internal static Command Build() => new Command(Name, "OTE-Stack: the centre") { new HelpOption("--help", "-h"), UpCommand.Create() };
}
