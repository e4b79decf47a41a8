using System.Diagnostics;
using System.Globalization;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>The machine's services, as <c>systemctl</c> tells and changes them.</summary>
internal interface IServices
{
    /// <summary>Runs <c>systemctl</c> to its end.</summary>
    Task<SystemctlAnswer> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellation);

    /// <summary>Runs <c>systemctl</c> to its end; what it wrote, null when it failed.</summary>
    async Task<string?> TryAsync(IReadOnlyList<string> arguments, CancellationToken cancellation) =>
        await RunAsync(arguments, cancellation).ConfigureAwait(false) is { Succeeded: true } answer ? answer.Out : null;

    /// <summary>The last lines of a service's journal, as the service wrote them; empty: there are none, or they cannot be read at once.</summary>
    /// <param name="unit">The service.</param>
    /// <param name="since">None from before that.</param>
    /// <param name="cancellation">Gives up.</param>
    Task<IReadOnlyList<string>> JournalAsync(string unit, DateTimeOffset since, CancellationToken cancellation);

    /// <summary>A service's properties, as systemd shows them; one that it does not show is not among them.</summary>
    async Task<IReadOnlyDictionary<string, string>> ShownAsync(string unit, CancellationToken cancellation, params string[] properties)
    {
        Dictionary<string, string> shown = new(StringComparer.Ordinal);
        foreach (var line in (await TryAsync(["show", $"--property={string.Join(',', properties)}", unit], cancellation).ConfigureAwait(false) ?? "").Split('\n'))
        {
            if (line.IndexOf('=', StringComparison.Ordinal) is > 0 and var at)
            {
                shown[line[..at]] = line[(at + 1)..];
            }
        }

        return shown;
    }

    /// <summary>A service's main process; 0: none is known.</summary>
    async Task<int> MainProcessAsync(string unit, CancellationToken cancellation) =>
        (await ShownAsync(unit, cancellation, "ActiveState", "MainPID").ConfigureAwait(false)).TryGetValue("MainPID", out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var process) ? process : 0;

    /// <summary>What a service of ours said last of why it ended; null: nothing.</summary>
    async Task<string?> ErrorOfAsync(string unit, DateTimeOffset since, CancellationToken cancellation)
    {
        const string Error = "error: ";
        return (await JournalAsync(unit, since, cancellation).ConfigureAwait(false)).LastOrDefault(line => line.StartsWith(Error, StringComparison.Ordinal)) is { } line ? line[Error.Length..].TrimEnd('.', ' ') : null;
    }
}

/// <summary>How a <c>systemctl</c> ended.</summary>
/// <param name="Succeeded">By its exit code.</param>
/// <param name="Out">What it wrote.</param>
/// <param name="Error">Why it failed, in its own words.</param>
internal sealed record SystemctlAnswer(bool Succeeded, string Out, string Error);

/// <summary>The real ones.</summary>
/// <param name="journalctl">The program that reads the journal.</param>
internal sealed class Systemd(string journalctl = "journalctl") : IServices
{
    /// <summary>What a hub says at a start, and systemd of its end, is less.</summary>
    private const int MostLines = 200;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>A journal of months on a slow disk is not worth more.</summary>
    private static readonly TimeSpan JournalPatience = TimeSpan.FromSeconds(3);

    public async Task<SystemctlAnswer> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        try
        {
            return await EndedAsync("systemctl", arguments, Patience, cancellation).ConfigureAwait(false);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new RoleException("systemctl is not there, though systemd runs here: it belongs to systemd's own package. Without it start `ote-node edgehub` by its own supervisor, and the kubelet with the kubeconfig that it writes");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RoleException($"systemctl {string.Join(' ', arguments)} did not end within {Patience.TotalMinutes:0} minutes; see `systemctl status`");
        }
    }

    public async Task<IReadOnlyList<string>> JournalAsync(string unit, DateTimeOffset since, CancellationToken cancellation)
    {
        try
        {
            // From the end: with --since alone systemd before 255 takes the first lines from there on, and what was said last is not among them.
            var answer = await EndedAsync(
                journalctl, [$"--unit={unit}", $"--since=@{since.ToUnixTimeSeconds()}", "--reverse", $"--lines={MostLines}", "--output=cat", "--no-pager"], JournalPatience, cancellation).ConfigureAwait(false);
            return answer.Succeeded ? [.. answer.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Reverse()] : [];
        }
        catch (Exception unread) when (unread is System.ComponentModel.Win32Exception || (unread is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return [];
        }
    }

    private static async Task<SystemctlAnswer> EndedAsync(string program, IReadOnlyList<string> arguments, TimeSpan most, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(most);
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            var said = await process.StandardOutput.ReadToEndAsync(patience.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            return new SystemctlAnswer(process.ExitCode == 0, said, (await error.ConfigureAwait(false)).Trim());
        }
        catch (OperationCanceledException) when (program != "systemctl")
        {
            process.Kill(); // It only reads; what changes services is left to its end.
            throw;
        }
    }
}
