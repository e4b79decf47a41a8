using System.CommandLine;
using Ote.Center.Up;

var root = new RootCommand("OTE-Stack: the centre") { UpCommand.Create() };
var parsed = root.Parse(args);
return parsed.Errors.Count > 0
    ? UpCommand.Refuse($"{parsed.Errors[0].Message.TrimEnd('.')}; see ./ote up --help")
    : await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }).ConfigureAwait(false);
