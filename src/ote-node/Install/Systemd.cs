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

    /// <summary>A service's main process; 0: none is known.</summary>
    async Task<int> MainProcessAsync(string unit, CancellationToken cancellation) =>
        (await TryAsync(["show", "--property=ActiveState,MainPID", unit], cancellation).ConfigureAwait(false) ?? "").Split('\n').FirstOrDefault(line => line.StartsWith("MainPID=", StringComparison.Ordinal)) is { } line
        && int.TryParse(line["MainPID=".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var process) ? process : 0;
}

/// <summary>How a <c>systemctl</c> ended.</summary>
/// <param name="Succeeded">By its exit code.</param>
/// <param name="Out">What it wrote.</param>
/// <param name="Error">Why it failed, in its own words.</param>
internal sealed record SystemctlAnswer(bool Succeeded, string Out, string Error);

/// <summary>The real ones.</summary>
internal sealed class Systemd : IServices
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public async Task<SystemctlAnswer> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        try
        {
            using var process = Process.Start(new ProcessStartInfo("systemctl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            var said = await process.StandardOutput.ReadToEndAsync(patience.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            return new SystemctlAnswer(process.ExitCode == 0, said, (await error.ConfigureAwait(false)).Trim());
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new RoleException("systemctl is not there: this machine has no systemd. Start `ote-node edgehub` by its own supervisor, and the kubelet with the kubeconfig that it writes");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RoleException($"systemctl {string.Join(' ', arguments)} did not end within {Patience.TotalMinutes:0} minutes; see `systemctl status`");
        }
    }
}
