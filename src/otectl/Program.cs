using Ote.Ctl;
using Ote.Ctl.Cli;

return await CommandLine.RunAsync(Surroundings.OfProcess(), args, CancellationToken.None).ConfigureAwait(false);
