using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Ote.Shim;
using Ote.Shim.Hosting;
using Shim.Sample;

// Serves the toy cluster:   dotnet run --project samples/Shim.Sample -- unix:/tmp/things/shim.sock
if (args is not [string listen] || !ShimAddress.TryParse(listen, out ShimAddress? address, out string? error))
{
    await Console.Error.WriteLineAsync("usage: Shim.Sample unix:/path/shim.sock");
    return 2;
}

using ILoggerFactory loggers = LoggerFactory.Create(logging => logging.AddSimpleConsole());
TaskCompletionSource stop = new();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    await using ThingShim shim = new(TimeProvider.System);
    await using ShimHost host = await ShimHost.StartAsync(shim, new ShimHostOptions { Listen = address }, loggers, CancellationToken.None);
    await stop.Task;
    return 0;
}
catch (ShimStartException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true; // end in order, not at once
    stop.TrySetResult();
}
