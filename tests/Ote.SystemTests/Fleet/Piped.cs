namespace Ote.SystemTests.Fleet;

/// <summary>A kubectl whose output is read as slowly as a test wishes: it goes through a named pipe.</summary>
internal sealed class Piped : IAsyncDisposable
{
    private readonly GuardedProcess _process;
    private readonly Stream _output;

    private Piped(GuardedProcess process, Stream output) => (_process, _output) = (process, output);

    public static IReadOnlyDictionary<string, string> EnvironmentOf(Kubectl kubectl) =>
        new Dictionary<string, string> { ["HOME"] = kubectl.Home, ["KUBECONFIG"] = kubectl.Kubeconfig, ["KUBECACHEDIR"] = Path.Combine(kubectl.Home, "cache") };

    public static async Task<Piped> StartAsync(Scratch scratch, Kubectl kubectl, params string[] arguments)
    {
        string pipe = scratch[$"pipe-{Guid.NewGuid():N}"];
        GuardedProcess process = await GuardedProcess.StartAsync(
            new($"kubectl {arguments[0]}", "/bin/sh", ["-c", "mkfifo \"$0\" && echo made && exec \"$@\" > \"$0\"", pipe, kubectl.Binary, .. arguments], pipe + ".log") { Environment = EnvironmentOf(kubectl) });
        await process.WaitForLineAsync("made", TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        return new Piped(process, await Task.Run(() => new FileStream(pipe, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0)));
    }

    /// <summary>Reads so many bytes.</summary>
    public Task TakeAsync(int bytes, CancellationToken ct) => _output.ReadExactlyAsync(new byte[bytes], ct).AsTask();

    /// <summary>Reads what comes yet, to the end.</summary>
    /// <returns>How much it was.</returns>
    public async Task<long> RestAsync(TimeSpan timeout, CancellationToken ct) => (await TextAsync(timeout, ct)).Length;

    /// <summary>What comes yet, to the end.</summary>
    public async Task<string> TextAsync(TimeSpan timeout, CancellationToken ct)
    {
        using StreamReader reader = new(_output, leaveOpen: true);
        return await reader.ReadToEndAsync(ct).WaitAsync(timeout, ct);
    }

    /// <summary>It has ended with an error that it tells.</summary>
    public async Task FailedAsync(TimeSpan timeout)
    {
        int code = await _process.Exited.WaitAsync(timeout);
        Assert.True(code == 1, _process.Failure($"ended with {code}").Message);
        Assert.Matches("(?i)error", await File.ReadAllTextAsync(_process.LogFile));
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await _output.DisposeAsync();
    }
}
