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
    private Timer? _first; // of those that are set, in no order

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long GetTimestamp() => timeline.Now;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Timeline.Beginning + timeline.Elapsed + (skew?.Invoke() ?? TimeSpan.Zero);

    /// <summary>The process died: none of its timers fires any more, and what they would have woken is let go.</summary>
    public void Stop()
    {
        _stopped = true;
        while (_first is { } timer)
        {
            timer.Dispose();
        }
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(SimClock clock, TimerCallback callback, object? state) : ITimer
    {
        private Timeline.Planned? _planned;
        private Timer? _before;
        private Timer? _after;
        private TimeSpan _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Dispose();
            _period = period;
            if (dueTime != Timeout.InfiniteTimeSpan && !clock._stopped)
            {
                Plan(dueTime);
            }

            return true;
        }

        public void Dispose()
        {
            if (_planned is { } planned)
            {
                planned.Cancel();
                Leave();
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Fire()
        {
            Leave();
            if (_period > TimeSpan.Zero)
            {
                Plan(_period);
            }

            callback(state);
        }

        private void Plan(TimeSpan after)
        {
            _planned = clock.Plan(after, Fire);
            _after = clock._first;
            if (_after is not null)
            {
                _after._before = this;
            }

            clock._first = this;
        }

        private void Leave()
        {
            _planned = null;
            if (_before is not null)
            {
                _before._after = _after;
            }
            else
            {
                clock._first = _after;
            }

            if (_after is not null)
            {
                _after._before = _before;
            }

            (_before, _after) = (null, null);
        }
    }

    private Timeline.Planned Plan(TimeSpan after, Action what) => timeline.Plan(after, who, what);
}
