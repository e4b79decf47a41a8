namespace Ote.SystemTests.Kubernetes;

/// <summary>
/// A built executable of the product as a child process: started, killed without warning, started again. Its output, over all its
/// runs, is in one log file. Dies with the test process.
/// </summary>
/// <param name="name">How failures and the log call it.</param>
/// <param name="executable"><c>ote</c>, <c>ote-center</c> or <c>otectl</c>.</param>
/// <param name="arguments">The same at each start.</param>
/// <param name="folder">Where the log goes.</param>
public sealed class ProductProcess(string name, string executable, IReadOnlyList<string> arguments, string folder) : IAsyncDisposable
{
    private GuardedProcess? _current;

    /// <summary>Added to the environment at each start.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>What becomes the executable, such as nsenter with where to enter; it must replace itself.</summary>
    public IReadOnlyList<string> Within { get; init; } = [];

    public string LogFile => Path.Combine(folder, $"{name}.log");

    /// <summary>The current run's process id.</summary>
    public int Id => Current.Id;

    /// <summary>Completes with the current run's exit code.</summary>
    public Task<int> Exited => Current.Exited;

    private GuardedProcess Current => _current ?? throw new InvalidOperationException($"{name} was not started; call StartAsync first");

    /// <summary>Starts it, for the first time or again after it ended; does not wait for readiness.</summary>
    /// <exception cref="InvalidOperationException">It still runs, or is not built.</exception>
    public async Task StartAsync()
    {
        if (_current is { Exited.IsCompleted: false })
            throw new InvalidOperationException($"{name} still runs; kill or stop it before it is started again");
        if (_current is not null)
            await _current.DisposeAsync();
        string[] command = [.. Within, "dotnet", Repository.Executable(executable), .. arguments];
        _current = await GuardedProcess.StartAsync(new(name, command[0], command[1..], LogFile) { Environment = Environment });
    }

    /// <summary>The first line of the current run that contains the text.</summary>
    /// <exception cref="InvalidOperationException">The process ended first, or the time was over; the end of its log is in the message.</exception>
    public Task<string> WaitForLineAsync(string text, TimeSpan timeout, CancellationToken ct) => Current.WaitForLineAsync(text, timeout, ct);

    /// <summary>Asks the URL each tenth of a second until it answers with success.</summary>
    /// <exception cref="InvalidOperationException">The process ended first, or the time was over; the end of its log is in the message.</exception>
    public async Task WaitUntilReadyAsync(HttpClient http, Uri url, TimeSpan timeout, CancellationToken ct)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        string last = "no answer";
        while (time.GetElapsedTime(began) < timeout)
        {
            if (Exited.IsCompleted)
                throw Current.Failure($"ended with {await Exited} before {url} answered");
            try
            {
                using HttpResponseMessage answer = await http.GetAsync(url, ct);
                if (answer.IsSuccessStatusCode)
                    return;
                last = $"{(int)answer.StatusCode}";
            }
            catch (HttpRequestException error)
            {
                last = error.Message;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, ct);
        }
        throw Current.Failure($"was not ready within {timeout.TotalSeconds:0} s: {url} at last: {last}");
    }

    /// <summary>Stops it where it is, until <see cref="Resume"/>.</summary>
    public void Pause() => Current.Pause();

    /// <summary>Lets it go on.</summary>
    public void Resume() => Current.Resume();

    /// <summary>kill -9. Completes when the process is gone.</summary>
    public Task KillAsync() => Current.KillAsync();

    /// <summary>SIGTERM, and SIGKILL after the grace. Returns the exit code.</summary>
    public Task<int> StopAsync(TimeSpan grace) => Current.StopAsync(grace);

    public async ValueTask DisposeAsync()
    {
        if (_current is not null)
            await _current.DisposeAsync();
    }
}
