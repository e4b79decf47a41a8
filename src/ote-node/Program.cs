using System.CommandLine;
using Ote.Cli;
using Ote.Node;
using Ote.Node.Install;

if (MisplacedOption.Of(args) is { } misplaced)
{
    await Console.Error.WriteLineAsync($"error: {misplaced}").ConfigureAwait(false);
    return Executable.Usage;
}

return await Executable.RunAsync(
    CommandLine.Build(), CommandLine.Name, args, new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, CancellationToken.None)
    .ConfigureAwait(false);
