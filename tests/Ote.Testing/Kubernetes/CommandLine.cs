using System.Diagnostics;

namespace Ote.Testing.Kubernetes;

/// <summary>What a finished command said.</summary>
public sealed record CommandResult(string Command, int ExitCode, string Out, string Error)
{
    /// <summary>This result when the command succeeded.</summary>
    /// <exception cref="InvalidOperationException">It failed; both of its outputs are in the message.</exception>
    public CommandResult Succeeded() => ExitCode == 0
        ? this
        : throw new InvalidOperationException($"{Command}\nended with {ExitCode}\n{Error}{Out}");
}

/// <summary>Runs a command to its end.</summary>
public static class CommandLine
{
    /// <summary>Runs to the end or the timeout, at which the command and all it started are killed.</summary>
    /// <exception cref="TimeoutException">The command did not end in time.</exception>
    public static async Task<CommandResult> RunAsync(
        string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment, string? input, TimeSpan timeout, CancellationToken ct)
    {
        ProcessStartInfo start = new(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string key, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[key] = value;
        string line = $"{file} {string.Join(' ', start.ArgumentList)}";
        using CancellationTokenSource limit = new(timeout, TimeProvider.System);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(either.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(either.Token);
            await WriteAsync(process, input, either.Token);
            CommandResult result = new(line, 0, await output, await error);
            await process.WaitForExitAsync(either.Token);
            return result with { ExitCode = process.ExitCode };
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new TimeoutException($"{line}\ndid not end within {timeout.TotalSeconds:0} s");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static async Task WriteAsync(Process process, string? input, CancellationToken ct)
    {
        try
        {
            if (input is not null)
                await process.StandardInput.WriteAsync(input.AsMemory(), ct);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The command ended without reading its input: its exit code says why.
        }
    }
}
