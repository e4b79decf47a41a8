using System.Globalization;

namespace Ote.Node.Install;

/// <summary>
/// Waits until a hub answers that systemd was told to start. systemd starts one that ends anew for ever, and calls it active in between: one that has ended twice since it was told to is not waited for.
/// </summary>
/// <param name="services">The machine's services.</param>
/// <param name="answers">Whether the hub that a kubeconfig leads to answers by now.</param>
/// <param name="say">Told that it takes long.</param>
/// <param name="time">The clock.</param>
internal sealed class HubStart(IServices services, Func<string, CancellationToken, Task<bool>> answers, Action<string> say, TimeProvider time)
{
    /// <summary>It may end once: a port may be another's for a moment.</summary>
    private const int MostEnds = 2;

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);

    /// <summary>Tells systemd to start it anew, and waits.</summary>
    /// <param name="kubeconfig">What leads to it, once it has written that.</param>
    /// <param name="patience">For how long at most.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>Why it does not answer, with what it said of it itself; null: it does.</returns>
    public async Task<string?> RunAsync(string kubeconfig, TimeSpan patience, CancellationToken ct)
    {
        var since = time.GetUtcNow();
        if (await services.RunAsync(["restart", HubUnit.Name], ct).ConfigureAwait(false) is { Succeeded: false } failed)
        {
            return $"systemctl restart {HubUnit.Name} failed: {failed.Error}; see `systemctl status {HubUnit.Name}`";
        }

        var began = time.GetTimestamp();
        var waiting = new Waiting("the hub", say);
        int? first = null;
        while (!await answers(kubeconfig, ct).ConfigureAwait(false))
        {
            var (state, starts) = await StateAsync(ct).ConfigureAwait(false);
            first ??= starts;
            var passed = time.GetElapsedTime(began);
            var why = state == "failed" ? "the hub ended"
                : starts - first >= MostEnds ? "the hub ends as soon as it is started"
                : passed > patience ? $"the hub does not answer within {patience.TotalSeconds:0} s"
                : null;
            if (why is not null)
            {
                return why + await SaidAsync(since, ct).ConfigureAwait(false);
            }

            waiting.Look(passed);
            await Task.Delay(LookAgain, time, ct).ConfigureAwait(false);
        }

        return null;
    }

    private async Task<(string? State, int Starts)> StateAsync(CancellationToken ct)
    {
        var shown = await services.ShownAsync(HubUnit.Name, ct, "ActiveState", "NRestarts").ConfigureAwait(false);
        return (shown.GetValueOrDefault("ActiveState"), int.TryParse(shown.GetValueOrDefault("NRestarts"), NumberStyles.None, CultureInfo.InvariantCulture, out var starts) ? starts : 0);
    }

    private async Task<string> SaidAsync(DateTimeOffset since, CancellationToken ct) =>
        await services.ErrorOfAsync(HubUnit.Name, since, ct).ConfigureAwait(false) is { } said ? $" ({said})" : $"; `journalctl -u {HubUnit.Name}` says why";
}
