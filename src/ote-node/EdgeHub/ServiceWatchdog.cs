using System.Globalization;
using System.Net.Sockets;

namespace Ote.Node.EdgeHub;

/// <summary>
/// Tells systemd that the hub lives (sd_notify(3), sd_watchdog_enabled(3)), for as long as it does: a hub whose threads do nothing any more, or wait for one another, is silent, and is started anew.
/// </summary>
/// <param name="socket">Where systemd listens; a name that begins with @ is in no folder.</param>
/// <param name="within">How long it may be silent.</param>
internal sealed class ServiceWatchdog(string socket, TimeSpan within)
{
    private static readonly byte[] s_lives = "WATCHDOG=1"u8.ToArray();

    /// <summary>The watchdog that systemd set for this process; null: none.</summary>
    /// <param name="variable">Reads an environment variable.</param>
    /// <param name="process">This process's id: what it inherited from a service that started it is not for it.</param>
    public static ServiceWatchdog? Of(Func<string, string?> variable, int process) =>
        variable("NOTIFY_SOCKET") is { Length: > 1 } socket && socket[0] is '/' or '@'
        && long.TryParse(variable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var micros) && micros is > 0 and < long.MaxValue / 10
        && (variable("WATCHDOG_PID") is not { Length: > 0 } whose || whose == process.ToString(CultureInfo.InvariantCulture))
            ? new ServiceWatchdog(variable("NOTIFY_SOCKET")!, TimeSpan.FromMicroseconds(micros)) : null;

    /// <summary>Tells it three times within that time, until stopped. Trouble with the socket is systemd's to notice: it is tried again.</summary>
    /// <param name="look">Waits for ever, or fails, in a hub that does not live. From any thread.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends it.</param>
    public async Task RunAsync(Action look, TimeProvider time, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Run(look, CancellationToken.None).ConfigureAwait(false); // by the threads that answer
            Tell();
            await Task.Delay(within / 3, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Tell()
    {
        try
        {
            using var to = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            to.SendTo(s_lives, new UnixDomainSocketEndPoint(socket[0] == '@' ? '\0' + socket[1..] : socket));
        }
        catch (SocketException)
        {
            // Not there or full for the moment.
        }
    }
}
