using Microsoft.Extensions.Logging;

namespace Ote.Flow;

/// <summary>A background loop that cannot die quietly.</summary>
public static class Loop
{
    /// <summary>
    /// Runs <paramref name="body"/> until <paramref name="stop"/>; a body that throws or returns early is started again after a
    /// growing wait. Ends normally when stopped, never by a fault of the body.
    /// </summary>
    /// <param name="name">What the loop does, for the log.</param>
    /// <param name="body">One run. It must honour its token.</param>
    /// <param name="backoff">Waits between runs. Reset when a run lasted longer than <see cref="BackoffOptions.Maximum"/> would ask; owned by the loop.</param>
    /// <param name="calm">A run that lasted this long counts as a success and resets the wait.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where faults go.</param>
    /// <param name="stop">Ends the loop.</param>
    public static async Task RunAsync(
        string name, Func<CancellationToken, Task> body, Backoff backoff, TimeSpan calm, TimeProvider time, ILogger log, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            try
            {
                await body(stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // The loop is the last owner of its body's faults: each is logged and the body started again.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                log.LoopFaulted(name, fault);
            }

            if (time.GetElapsedTime(began) >= calm)
            {
                backoff.Reset();
            }

            try
            {
                await Task.Delay(backoff.Next(), time, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
