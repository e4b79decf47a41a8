using System.CommandLine;
using Ote.Center;
using Ote.Cli;

return await Executable.RunAsync(
    CommandLine.Build(), CommandLine.Name, args, new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, CancellationToken.None)
    .ConfigureAwait(false);
