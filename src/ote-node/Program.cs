using System.CommandLine;
using Ote.Cli;
using Ote.Node;

return await Executable.RunAsync(
    CommandLine.Build(), CommandLine.Name, args, new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, CancellationToken.None)
    .ConfigureAwait(false);
