using System.Diagnostics;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>The machine's services, as <c>systemctl</c> tells and changes them.</summary>
internal interface IServices
{
    /// <summary>Runs <c>systemctl</c> to its end; what it wrote, null when it failed.</summary>
    Task<string?> TryAsync(IReadOnlyList<string> arguments, CancellationToken cancellation);
}

/// <summary>The real ones.</summary>
internal sealed class Systemd : IServices
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public async Task<string?> TryAsync(IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        try
        {
            using var process = Process.Start(new ProcessStartInfo("systemctl", arguments) { RedirectStandardOutput = true })!;
            var said = await process.StandardOutput.ReadToEndAsync(patience.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            return process.ExitCode == 0 ? said : null;
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
