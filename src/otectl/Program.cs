using Ote.Ctl;
using Ote.Ctl.Cli;

// kubectl asks the program of this name, on the PATH, for what may follow "kubectl ote".
var words = Surroundings.CompletesFor(Surroundings.CalledAs()) ? ["__complete", .. args] : args;
return await CommandLine.RunAsync(Surroundings.OfProcess(), words, CancellationToken.None).ConfigureAwait(false);
