namespace Ote.Cluster.Commands;

/// <summary>
/// When clusters that do not answer are asked again: after a while, then ever more seldom, at least each quarter of an hour. Asking
/// costs little and changes nothing at a cluster that has the command; it finds those that were missed, whatever the reason. Not thread-safe.
/// </summary>
/// <param name="first">The first wait.</param>
internal sealed class Repeating(TimeSpan first)
{
    /// <summary>The usual first wait: half a minute.</summary>
    public static readonly TimeSpan First = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);
    private TimeSpan _wait;

    /// <summary>The next time.</summary>
    public DateTimeOffset Due { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>Everyone is being asked now.</summary>
    public void Start(DateTimeOffset now, double random)
    {
        _wait = first;
        Due = now + Spread(random);
    }

    /// <summary>Whether it is time; if so, the next time is set.</summary>
    public bool IsDue(DateTimeOffset now, double random)
    {
        if (now < Due)
        {
            return false;
        }

        _wait = _wait * 2 < Longest ? _wait * 2 : Longest;
        Due = now + Spread(random);
        return true;
    }

    // Many commands of one moment do not ask in one moment.
    private TimeSpan Spread(double random) => _wait * (1 + (0.25 * random));
}
