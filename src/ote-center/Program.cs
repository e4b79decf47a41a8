using System.CommandLine;
using Ote.Center.Up;

var root = new RootCommand("OTE-Stack: the centre") { UpCommand.Create() };
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }).ConfigureAwait(false);
