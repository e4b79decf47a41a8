namespace Ote.Testing.Simulation;

/// <summary>
/// The clock of one run of one simulated process. Its wall clock may be wrong and may jump; its timers go by the world's time, and
/// end with the process.
/// </summary>
/// <param name="timeline">The world's time.</param>
/// <param name="who">Whose clock.</param>
/// <param name="skew">By how much its wall clock is ahead.</param>
public sealed class SimClock(Timeline timeline, int who, Func<TimeSpan>? skew = null) : TimeProvider
{
    private bool _stopped;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long GetTimestamp() => timeline.Now;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Timeline.Beginning + timeline.Elapsed + (skew?.Invoke() ?? TimeSpan.Zero);

    /// <summary>The process died: none of its timers fires any more.</summary>
    public void Stop() => _stopped = true;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(SimClock clock, TimerCallback callback, object? state) : ITimer
    {
        private Timeline.Planned? _next;
        private TimeSpan _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _next?.Cancel();
            _period = period;
            _next = dueTime == Timeout.InfiniteTimeSpan || clock._stopped ? null : clock.Plan(dueTime, Fire);
            return true;
        }

        public void Dispose() => _next?.Cancel();

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Fire()
        {
            if (clock._stopped)
            {
                return;
            }

            _next = _period > TimeSpan.Zero ? clock.Plan(_period, Fire) : null;
            callback(state);
        }
    }

    private Timeline.Planned Plan(TimeSpan after, Action what) => timeline.Plan(after, who, what);
}
