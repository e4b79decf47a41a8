namespace Ote.Testing.Simulation;

/// <summary>
/// Virtual time of one simulated world: what is to happen, in order of its moment and then of being planned. Nothing here is
/// thread-safe; a simulation has one thread (<see cref="Turns"/>).
/// </summary>
public sealed class Timeline
{
    private readonly PriorityQueue<Planned, (long Due, long Order)> _planned = new();
    private long _order;

    /// <summary>When a world begins.</summary>
    public static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Ticks of 100 ns since the beginning.</summary>
    public long Now { get; private set; }

    /// <summary>Since the beginning.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(Now);

    /// <summary>Things that have happened.</summary>
    public long Steps { get; private set; }

    /// <summary>Condenses what happened when and to whom: two runs that differ anywhere differ in it.</summary>
    public ulong Fingerprint { get; private set; } = 14695981039346656037;

    /// <summary>Plans something.</summary>
    /// <param name="after">From now; what is in the past happens next.</param>
    /// <param name="who">A number that stands for whom it happens to, for the fingerprint.</param>
    /// <param name="what">Done by <see cref="Fire"/>; must not throw.</param>
    public Planned Plan(TimeSpan after, int who, Action what)
    {
        var planned = new Planned(who, what);
        _planned.Enqueue(planned, (Now + Math.Max(0, after.Ticks), _order++));
        return planned;
    }

    /// <summary>Moves to the next thing that is planned and does it. False when nothing is.</summary>
    public bool Fire()
    {
        while (_planned.TryDequeue(out var next, out var at))
        {
            if (next.Take() is not { } what)
            {
                continue;
            }

            Now = at.Due;
            Steps++;
            Note((ulong)Now);
            Note((ulong)next.Who);
            what();
            return true;
        }

        return false;
    }

    /// <summary>Adds a fact to the fingerprint.</summary>
    public void Note(ulong fact) => Fingerprint = (Fingerprint ^ fact) * 1099511628211;

    /// <summary>Something that is to happen.</summary>
    public sealed class Planned(int who, Action what)
    {
        private Action? _what = what;

        internal int Who => who;

        /// <summary>It is not to happen. Nothing when it has.</summary>
        public void Cancel() => _what = null;

        internal Action? Take()
        {
            var what = _what;
            _what = null;
            return what;
        }
    }
}
