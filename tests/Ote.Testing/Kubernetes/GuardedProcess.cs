using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Ote.Testing.Kubernetes;

/// <summary>What a child process is started with. The log file is appended to.</summary>
public sealed record GuardedProcessOptions(string Name, string File, IReadOnlyList<string> Arguments, string LogFile)
{
    /// <summary>Added to this process's own environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Empty: the current folder.</summary>
    public string WorkingDirectory { get; init; } = "";

    /// <summary>What the kernel sends the child when this process dies: KILL, or TERM for a child that has something to tidy.</summary>
    public string SignalOnOwnersDeath { get; init; } = "KILL";
}

/// <summary>
/// A child process in a session and process group of its own that cannot outlive this one: the kernel signals it when this process
/// dies, however it dies. Both output streams go to one log file. All members may be called from any thread.
/// </summary>
public sealed class GuardedProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly GuardedProcessOptions _options;
    private readonly Lock _gate = new();
    private readonly StreamWriter _log;
    private readonly List<(string Text, TaskCompletionSource<string> Found)> _awaited = [];
    private readonly List<string> _lines = [];
    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CountdownEvent _openStreams = new(2);

    private GuardedProcess(GuardedProcessOptions options)
    {
        _options = options;
        Directory.CreateDirectory(Path.GetDirectoryName(options.LogFile)!);
        _log = new StreamWriter(options.LogFile, append: true, Encoding.UTF8) { AutoFlush = true };
        ProcessStartInfo start = new("setsid")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = options.WorkingDirectory,
        };
        // Each of the two replaces itself, so the child's id stays the one we know.
        foreach (string argument in (string[])["setpriv", "--pdeathsig", options.SignalOnOwnersDeath, "--", options.File, .. options.Arguments])
            start.ArgumentList.Add(argument);
        foreach ((string key, string value) in options.Environment)
            start.Environment[key] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
    }

    private bool _disposed;

    public int Id { get; private set; }

    public string Name => _options.Name;

    public string LogFile => _options.LogFile;

    /// <summary>Completes with the exit code, 128 + the signal's number for a signal, once the process is gone and its output is logged.</summary>
    public Task<int> Exited => _exited.Task;

    /// <exception cref="InvalidOperationException">The file cannot be run.</exception>
    public static async Task<GuardedProcess> StartAsync(GuardedProcessOptions options)
    {
        GuardedProcess guarded = new(options);
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        // The kernel's promise is bound to the thread that forks, so that thread must live as long as the child.
        new Thread(() => guarded.Live(started)) { IsBackground = true, Name = options.Name }.Start();
        await started.Task;
        return guarded;
    }

    /// <summary>The first line, from the start of this process on, that contains <paramref name="text"/>.</summary>
    /// <exception cref="InvalidOperationException">The process ended first, or the time was over; the end of its log is in the message.</exception>
    public async Task<string> WaitForLineAsync(string text, TimeSpan timeout, CancellationToken ct)
    {
        TaskCompletionSource<string> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_lines.Find(line => line.Contains(text, StringComparison.Ordinal)) is { } seen)
                return seen;
            _awaited.Add((text, found));
        }
        try
        {
            await Task.WhenAny(found.Task, Exited).WaitAsync(timeout, TimeProvider.System, ct);
        }
        catch (TimeoutException)
        {
            throw Failure($"did not print \"{text}\" within {timeout.TotalSeconds:0} s");
        }
        return found.Task.IsCompleted ? await found.Task : throw Failure($"ended with {await Exited} before it printed \"{text}\"");
    }

    /// <summary>kill -9 to the whole process group; completes when the process is gone.</summary>
    public async Task KillAsync()
    {
        Signal("KILL");
        await Exited;
    }

    /// <summary>Stops it where it is: its connections stay open and nobody answers. <see cref="Resume"/> lets it go on.</summary>
    public void Pause() => Signal("STOP");

    /// <summary>Lets it go on.</summary>
    public void Resume() => Signal("CONT");

    /// <summary>Asks the process alone to end, then kills its whole group once the grace is over. Returns the exit code.</summary>
    public async Task<int> StopAsync(TimeSpan grace)
    {
        Signal("TERM", group: false);
        try
        {
            return await Exited.WaitAsync(grace, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            await KillAsync();
            return await Exited;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            _log.Dispose();
        }
        _process.Dispose();
    }

    /// <summary>An error that names this process, the cause, and the end of its log.</summary>
    public InvalidOperationException Failure(string cause)
    {
        lock (_gate)
            return new InvalidOperationException($"{Name} {cause}. The end of {LogFile}:\n{string.Join('\n', _lines.TakeLast(25))}");
    }

    private void Live(TaskCompletionSource started)
    {
        try
        {
            _process.Start();
            Id = _process.Id;
            _process.StandardInput.Close();
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
        }
        catch (Exception error) when (error is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            started.SetException(new InvalidOperationException($"{Name} cannot be started: {error.Message}", error));
            _exited.SetResult(-1);
            return;
        }
        started.SetResult();
        // With a limit it waits for the process alone, not for grandchildren that hold the output open.
        while (!_process.WaitForExit(int.MaxValue))
        {
        }
        _openStreams.Wait(TimeSpan.FromSeconds(2));
        _exited.TrySetResult(_process.ExitCode);
    }

    private void Take(string? line)
    {
        lock (_gate)
        {
            if (line is null)
            {
                _openStreams.Signal();
                return;
            }
            if (_disposed)
                return;
            _log.WriteLine(line);
            // Enough to find a line in and to explain a failure with; the file has all.
            if (_lines.Count == 20_000)
                _lines.RemoveRange(0, 10_000);
            _lines.Add(line);
            _awaited.RemoveAll(wanted => line.Contains(wanted.Text, StringComparison.Ordinal) && wanted.Found.TrySetResult(line));
        }
    }

    private void Signal(string signal, bool group = true)
    {
        if (Id == 0 || (Exited.IsCompleted && !group))
            return;
        using Process kill = new() { StartInfo = new("bash") { RedirectStandardError = true } };
        string target = (group ? -Id : Id).ToString(CultureInfo.InvariantCulture);
        foreach (string argument in (string[])["-c", "kill -s \"$0\" -- \"$1\" 2>/dev/null", signal, target])
            kill.StartInfo.ArgumentList.Add(argument);
        kill.Start();
        kill.WaitForExit();
    }
}
