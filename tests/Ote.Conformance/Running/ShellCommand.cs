using System.Diagnostics;
using System.Text;

namespace Ote.Conformance.Running;

/// <summary>
/// One run of a piece of shell. It ends by itself, by its lines of output, or by its time, which is told as an error. All it started ends with it.
/// </summary>
internal sealed class ShellCommand
{
    private readonly TaskCompletionSource _spoke = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _enough = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly StringBuilder _out = new();
    private readonly StringBuilder _error = new();
    private readonly int _lines;
    private int _seen;

    private ShellCommand(ProcessStartInfo start, int lines, TimeSpan limit, CancellationToken ct)
    {
        _lines = lines;
        Completion = RunAsync(start, limit, ct);
    }

    /// <summary>Completes with what it left.</summary>
    public Task<CommandOutcome> Completion { get; }

    /// <summary>Completes with the first line of output: what watches, watches now.</summary>
    public Task Spoke => _spoke.Task;

    /// <param name="shell">What bash runs.</param>
    /// <param name="folder">Where.</param>
    /// <param name="environment">Added to this process's own.</param>
    /// <param name="lines">How many lines of standard output end it; 0: it ends by itself.</param>
    /// <param name="limit">When it is ended in any case.</param>
    /// <param name="ct">Ends it too.</param>
    public static ShellCommand Start(string shell, string folder, IReadOnlyDictionary<string, string> environment, int lines, TimeSpan limit, CancellationToken ct)
    {
        // The kernel ends it when this process dies, however it dies.
        ProcessStartInfo start = new("setpriv", ["--pdeathsig", "KILL", "--", "bash", "--noprofile", "--norc", "-o", "pipefail", "-c", shell])
        {
            WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return new ShellCommand(start, lines, limit, ct);
    }

    private async Task<CommandOutcome> RunAsync(ProcessStartInfo start, TimeSpan limit, CancellationToken ct)
    {
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task[] streams = [ReadAsync(process.StandardOutput, _out, counted: true), ReadAsync(process.StandardError, _error, counted: false)];
        Task ended = Task.WhenAll(streams.Append(process.WaitForExitAsync(CancellationToken.None)));
        try
        {
            await Task.WhenAny(ended, _enough.Task).WaitAsync(limit, TimeProvider.System, ct);
            if (ended.IsCompleted && !_enough.Task.IsCompleted)
                return Outcome(process.ExitCode, "");
            process.Kill(entireProcessTree: true);
            await ended;
            return Outcome(0, "");
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            await ended;
            return Outcome(124, $"(still ran after {limit.TotalSeconds:0} s and was ended)\n");
        }
        finally
        {
            _spoke.TrySetResult();
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private CommandOutcome Outcome(int code, string more)
    {
        lock (_gate)
            return new CommandOutcome(code, _out.ToString(), _error + more);
    }

    private async Task ReadAsync(StreamReader from, StringBuilder to, bool counted)
    {
        char[] buffer = new char[8192];
        while (await from.ReadAsync(buffer) is > 0 and var count)
        {
            lock (_gate)
            {
                for (int i = 0; i < count; i++)
                {
                    if (counted && _lines > 0 && _seen == _lines)
                        break;
                    to.Append(buffer[i]);
                    if (counted && buffer[i] == '\n')
                        _seen++;
                }
            }
            if (counted && _seen > 0)
                _spoke.TrySetResult();
            if (counted && _lines > 0 && _seen >= _lines)
                _enough.TrySetResult();
        }
    }
}
