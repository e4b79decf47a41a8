namespace Ote.Node.Install;

/// <summary>
/// Whether a kubelet that was led to the hub lives there. systemd calls most services started once they have been forked, and starts them anew for ever: what a kubelet cannot live with ends it some seconds later.
/// </summary>
/// <param name="services">The machine's services.</param>
/// <param name="isAsked">Whether anybody is connected to the hub that a kubeconfig leads to.</param>
/// <param name="say">Told that it takes long.</param>
/// <param name="time">The clock.</param>
internal sealed class KubeletTrial(IServices services, Func<string, bool> isAsked, Action<string> say, TimeProvider time)
{
    /// <summary>For how long at least its process stays the same one.</summary>
    public static readonly TimeSpan Stays = TimeSpan.FromSeconds(10);

    /// <summary>By when it asks the hub.</summary>
    public static readonly TimeSpan Asks = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(500);

    /// <summary>Starts it anew and watches it.</summary>
    /// <param name="kubelet">Its unit.</param>
    /// <param name="kubeconfig">The kubeconfig that leads to the hub.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>Why it does not live there; null: it does.</returns>
    public async Task<string?> RunAsync(string kubelet, string kubeconfig, CancellationToken ct)
    {
        if (await services.RunAsync(["restart", kubelet], ct).ConfigureAwait(false) is { Succeeded: false } failed)
        {
            return failed.Error;
        }

        var began = time.GetTimestamp();
        var waiting = new Waiting($"{kubelet} to stay and to ask the hub", say);
        string? first = null;
        while (true)
        {
            var state = await services.TryAsync(["show", "--property=ActiveState,MainPID", kubelet], ct).ConfigureAwait(false);
            if (state is null || !state.Split('\n').Contains("ActiveState=active") || state != (first ??= state))
            {
                return "it ended soon after its start";
            }

            var passed = time.GetElapsedTime(began);
            if (passed >= Stays && isAsked(kubeconfig))
            {
                return null;
            }

            if (passed >= Asks)
            {
                return $"it runs, and did not ask the hub within {Asks.TotalSeconds:0} s";
            }

            waiting.Look(passed);
            await Task.Delay(LookAgain, time, ct).ConfigureAwait(false);
        }
    }
}
