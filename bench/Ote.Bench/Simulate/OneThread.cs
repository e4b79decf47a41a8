using System.Diagnostics;
using System.Globalization;
using Ote.Testing.Simulation;

namespace Ote.Bench.Simulate;

/// <summary>This program once more, in a process whose thread pool has one thread, as simulations need it.</summary>
internal static class OneThread
{
    // Of the 8 GB that the largest simulation may take: certificates and code are beside the heap. Without a limit the heap
    // would grow to twice of what is alive in it before it is cleared.
    private const long MostHeap = 26L * 256 * 1024 * 1024;

    /// <summary>What this process was started with.</summary>
    public static IEnumerable<string> Arguments => Environment.GetCommandLineArgs().Skip(1);

    /// <summary>Runs to its end.</summary>
    /// <param name="arguments">Of the program.</param>
    /// <param name="capture">Whether its output is kept, instead of shown.</param>
    /// <param name="ct">Ends the process.</param>
    public static async Task<(int ExitCode, string Output)> AgainAsync(IEnumerable<string> arguments, bool capture, CancellationToken ct)
    {
        var host = Environment.ProcessPath!;
        var isHost = Path.GetFileNameWithoutExtension(host) == "dotnet";
        var start = new ProcessStartInfo(host) { UseShellExecute = false, RedirectStandardOutput = capture };
        foreach (var argument in isHost ? arguments.Prepend(Environment.GetCommandLineArgs()[0]) : arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in Turns.Environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["MALLOC_ARENA_MAX"] = "1"; // one thread is left: arenas beside the first would only be half empty
        start.Environment["DOTNET_gcConcurrent"] = "0"; // nor does it collect beside itself
        start.Environment["DOTNET_GCHeapHardLimit"] = MostHeap.ToString("x", CultureInfo.InvariantCulture);

        using var child = Process.Start(start)!;
        try
        {
            var output = capture ? await child.StandardOutput.ReadToEndAsync(ct).ConfigureAwait(false) : "";
            await child.WaitForExitAsync(ct).ConfigureAwait(false);
            return (child.ExitCode, output);
        }
        finally
        {
            if (!child.HasExited)
            {
                child.Kill();
            }
        }
    }
}
