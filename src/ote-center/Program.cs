using System.CommandLine;
using System.CommandLine.Help;
using Ote.Center.Up;

// Named as people call it, for the usage line: the launcher runs this program.
var root = new Command("./ote", "OTE-Stack: the centre") { new HelpOption("--help", "-h"), UpCommand.Create() };
var parsed = root.Parse(args);
return parsed.Errors.Count > 0
    ? UpCommand.Refuse($"{parsed.Errors[0].Message.TrimEnd('.')}; see ./ote up --help")
    : await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }).ConfigureAwait(false);
