using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Objects;

namespace Ote.Ctl.Setup;

/// <summary><c>otectl version</c>.</summary>
internal static class VersionCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var client = new Option<bool>("--client") { Description = "Only this program's version; asks no server" };
        return runner.Attach(
            new Command("version", "Print the versions of this program and of the control API.") { client },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(client), cancellation));
    }

    /// <summary><c>--version</c>, which many type first.</summary>
    internal static Option<bool> Option(Surroundings world) =>
        new("--version") { Description = "Print this program's version", Action = new Printing(world) };

    internal static string Own => typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static async Task<ExitCode> RunAsync(Invocation run, bool clientOnly, CancellationToken cancellation)
    {
        var answer = new JsonObject { ["clientVersion"] = Own };
        if (!run.WantsObjects)
        {
            run.Out.Write($"Client: {Own}\n");
        }

        if (!clientOnly)
        {
            var server = await run.Api.SendAsync(HttpMethod.Get, "version", null, null, cancellation).ConfigureAwait(false);
            if (!run.WantsObjects)
            {
                run.Out.Write($"Server: {server.Text("gitVersion") ?? "unknown"} ({run.Server})\n");
            }

            answer["serverVersion"] = server;
        }

        if (run.WantsObjects)
        {
            ObjectPrinter.One(run.Out, run.Format == OutputFormat.Name ? OutputFormat.Json : run.Format, answer);
        }

        return ExitCode.Ok;
    }

    /// <summary>What the option does, whatever stands beside it.</summary>
    internal sealed class Printing(Surroundings world) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            world.Out.Write($"{world.ProgramName} {Own}\n");
            return (int)ExitCode.Ok;
        }
    }
}
