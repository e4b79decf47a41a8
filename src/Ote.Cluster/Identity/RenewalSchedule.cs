namespace Ote.Cluster.Identity;

/// <summary>When a certificate is renewed. Pure.</summary>
internal static class RenewalSchedule
{
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan ShortestRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestSpread = TimeSpan.FromMinutes(1);

    // Who has none that counts is offline until then.
    private static readonly TimeSpan SpreadOfEnded = TimeSpan.FromSeconds(10);

    /// <summary>
    /// When to renew: somewhere between half and two thirds of the certificate's life, so that clusters that joined together do not come
    /// together, and a third of its life is left for retries. One that is due already is renewed soon: after a hundredth of its life at
    /// most, and not more than a minute; one that has ended already, of 10 seconds.
    /// </summary>
    /// <param name="notBefore">When the certificate begins.</param>
    /// <param name="notAfter">When it ends.</param>
    /// <param name="now">The time.</param>
    /// <param name="random">Uniform in [0, 1).</param>
    /// <returns>Never earlier than <paramref name="now"/>.</returns>
    public static DateTimeOffset Due(DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset now, double random)
    {
        TimeSpan life = Life(notBefore, notAfter);
        DateTimeOffset due = notBefore + (life * (0.5 + (random / 6)));
        if (due > now) return due;
        return Soon(notBefore, notAfter, now, random);
    }

    /// <summary>When to renew one that is due already: within a hundredth of its life, and a minute; within 10 seconds when it has ended.</summary>
    public static DateTimeOffset Soon(DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset now, double random)
    {
        TimeSpan spread = Life(notBefore, notAfter) / 100;
        TimeSpan most = now >= notAfter ? SpreadOfEnded : LongestSpread;
        return now + ((spread < most ? spread : most) * random);
    }

    /// <summary>The end of the time in which a healthy cluster renews: two thirds of the certificate's life are over.</summary>
    public static DateTimeOffset Latest(DateTimeOffset notBefore, DateTimeOffset notAfter) => notBefore + (Life(notBefore, notAfter) * 2 / 3);

    /// <summary>The longest wait between attempts: a fiftieth of the certificate's life, from five seconds to ten minutes.</summary>
    public static TimeSpan RetryCeiling(DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        TimeSpan share = Life(notBefore, notAfter) / 50;
        return share < ShortestRetry ? ShortestRetry : share > LongestRetry ? LongestRetry : share;
    }

    private static TimeSpan Life(DateTimeOffset notBefore, DateTimeOffset notAfter) => notAfter > notBefore ? notAfter - notBefore : TimeSpan.Zero;
}
