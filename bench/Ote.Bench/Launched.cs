using System.Diagnostics;
using System.Globalization;

namespace Ote.Bench;

/// <summary>How one start went, all in milliseconds since it was asked for.</summary>
/// <param name="Ready">Until the line that begins with <c>ready</c>.</param>
/// <param name="Cpu">CPU of all its threads until that line was seen.</param>
/// <param name="Attached">Until its log says that it is attached to its parent; 0 where that was not waited for.</param>
internal readonly record struct StartFigures(double Ready, double Cpu, double Attached);

/// <summary>An executable that was started and has said that it is ready; ended when this is disposed.</summary>
internal sealed class Launched : IAsyncDisposable
{
    private readonly Process _process;
    private Task _log = Task.CompletedTask;

    private Launched(Process process) => _process = process;

    public int Id => _process.Id;

    public StartFigures Figures { get; private set; }

    /// <exception cref="BenchException">It ended before it was ready.</exception>
    public static async Task<Launched> StartAsync(TimeProvider time, string file, IEnumerable<string> arguments, bool attaches, CancellationToken ct)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        var begun = time.GetTimestamp();
        var launched = new Launched(Process.Start(start) ?? throw new BenchException($"{file} did not start"));
        try
        {
            var attached = new TaskCompletionSource<double>(TaskCreationOptions.RunContinuationsAsynchronously);
            launched._log = launched.ReadLogAsync(() => attached.TrySetResult(time.GetElapsedTime(begun).TotalMilliseconds));
            string? line;
            do
            {
                line = await launched._process.StandardOutput.ReadLineAsync(ct)
                    ?? throw new BenchException($"{file} ended before it was ready; what it said is above");
            }
            while (!line.StartsWith("ready", StringComparison.Ordinal));
            var ready = time.GetElapsedTime(begun).TotalMilliseconds;
            var cpu = launched.Cpu();
            launched.Figures = new StartFigures(ready, cpu, attaches ? await attached.Task.WaitAsync(ct) : 0);
            return launched;
        }
        catch
        {
            await launched.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync(CancellationToken.None);
        await _log;
        _process.Dispose();
    }

    /// <summary>The scheduler's account, in nanoseconds; the one in ticks is too coarse for a start.</summary>
    private double Cpu() => Directory.EnumerateDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{Id}/task"))
        .Sum(task => double.Parse(File.ReadAllText(Path.Combine(task, "schedstat")).Split(' ')[0], CultureInfo.InvariantCulture)) / 1e6;

    /// <summary>Reads to the end, so that a full pipe never holds the process up; warnings and errors are passed on.</summary>
    private async Task ReadLogAsync(Action attached)
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            if (line.Contains("Attached to parent", StringComparison.Ordinal))
            {
                attached();
            }
            else if (!line.Contains("info:", StringComparison.Ordinal))
            {
                await Console.Error.WriteLineAsync(line);
            }
        }
    }
}
