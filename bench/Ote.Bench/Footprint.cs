using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Ote.Bench.Serve;

namespace Ote.Bench;

/// <summary>The native executable as a root: its size, how soon it is ready, what it holds while idle.</summary>
internal static class Footprint
{
    private const int Rounds = 5;
    private const double MostMegabytes = 35;
    private const double MostMilliseconds = 100;
    private const double MostResident = 30;
    private const double OriginalMegabytes = 40; // its one role
    private const double OriginalResident = 23;
    private const double Mega = 1024 * 1024;
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(5);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, string? asked, CancellationToken ct)
    {
        var ote = asked ?? Published();
        if (!File.Exists(ote))
        {
            throw new BenchException($"{ote} is not there; make it with ./ote publish, or name another with --ote");
        }

        string[] Arguments(int round) =>
        [
            "cluster-controller", "--data", Path.Combine(around.Folder, string.Create(CultureInfo.InvariantCulture, $"data-{round}")),
            "--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0",
        ];
        var first = await StartsAsync(around, ote, i => Arguments(i), ct);
        var again = await StartsAsync(around, ote, i => Arguments(i), ct);
        var empty = await StartsAsync(around, Environment.ProcessPath!, _ => [typeof(Footprint).Assembly.Location, "nothing"], ct);
        return
        [
            Row.WithLimit("size of ote, all roles (baseline: the original's one role)", new FileInfo(ote).Length / Mega, "MB", MostMegabytes, OriginalMegabytes),
            Row.WithLimit($"start to ready as root, data directory in place; median of {Rounds} (baseline: an empty .NET process)", again.Milliseconds, "ms", MostMilliseconds, empty.Milliseconds),
            Row.WithLimit($"start to ready as root, empty data directory; median of {Rounds} (baseline: an empty .NET process)", first.Milliseconds, "ms", MostMilliseconds, empty.Milliseconds),
            Row.WithLimit($"idle resident memory as root after {Calm.TotalSeconds} s (baseline: the original)", again.Resident, "MB", MostResident, OriginalResident),
            new Row("idle resident memory of an empty .NET process, for comparison", empty.Resident, "MB", null, null, null),
        ];
    }

    private static string Published()
    {
        var platform = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
        return Path.Combine(Repository.Find() ?? Environment.CurrentDirectory, "out", platform, "ote");
    }

    /// <summary>Starts it several times, one after the other; medians.</summary>
    private static async Task<(double Milliseconds, double Resident)> StartsAsync(Surroundings around, string file, Func<int, IEnumerable<string>> arguments, CancellationToken ct)
    {
        var resident = new List<double>();
        var time = await Median.OfAsync(Rounds, async i =>
        {
            var start = new ProcessStartInfo(file, arguments(i)) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
            var begun = around.Time.GetTimestamp();
            using var process = Process.Start(start) ?? throw new BenchException($"{file} did not start");
            try
            {
                string? line;
                do
                {
                    line = await process.StandardOutput.ReadLineAsync(ct)
                        ?? throw new BenchException($"{file} ended before it was ready: {await process.StandardError.ReadToEndAsync(ct)}");
                }
                while (!line.StartsWith("ready", StringComparison.Ordinal));
                var elapsed = around.Time.GetElapsedTime(begun);
                await Task.Delay(Calm, around.Time, ct);
                resident.Add(Resident.BytesOf(process.Id) / Mega);
                return elapsed;
            }
            finally
            {
                process.Kill();
                await process.WaitForExitAsync(CancellationToken.None);
            }
        });
        resident.Sort();
        return (time.Milliseconds, resident[resident.Count / 2]);
    }
}
