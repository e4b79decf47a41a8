namespace Ote.Testing;

/// <summary>Looks again until something holds, where nothing tells of it: what other processes and the network do.</summary>
public static class Eventually
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);

    /// <summary>Completes when it holds.</summary>
    /// <param name="holds">Looks; looked at once at least, and once after the time has run out.</param>
    /// <param name="what">What is waited for, for the message.</param>
    /// <param name="within">How long at most, of real time.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="TimeoutException">It did not come to that.</exception>
    public static async Task HoldsAsync(Func<Task<bool>> holds, Func<string> what, TimeSpan within, CancellationToken ct)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        for (bool isLate = false; !await holds(); isLate = time.GetElapsedTime(began) > within)
        {
            if (isLate)
                throw new TimeoutException($"not within {within.TotalSeconds:0} s: {what()}");
            await Task.Delay(s_look, time, ct);
        }
    }

    /// <inheritdoc cref="HoldsAsync(Func{Task{bool}}, Func{string}, TimeSpan, CancellationToken)"/>
    public static Task HoldsAsync(Func<bool> holds, string what, TimeSpan within, CancellationToken ct) => HoldsAsync(() => Task.FromResult(holds()), () => what, within, ct);

    /// <inheritdoc cref="HoldsAsync(Func{Task{bool}}, Func{string}, TimeSpan, CancellationToken)"/>
    public static Task HoldsAsync(Func<Task<bool>> holds, string what, TimeSpan within, CancellationToken ct) => HoldsAsync(holds, () => what, within, ct);
}
