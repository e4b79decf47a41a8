namespace Ote.Cluster.Budgets;

/// <summary>
/// What a link costs, by one end's books: bytes of packets, which is what TLS is given. TLS, WebSocket, TCP and IP add some 70 to 90
/// bytes to each packet. A snapshot.
/// </summary>
/// <param name="RoundTrip">The last measured round trip; null before the first, and while there is no link.</param>
/// <param name="Sent">Bytes this end has sent since its process, or what it keeps of the peer, began.</param>
/// <param name="Received">Bytes it has received since then.</param>
/// <param name="BytesToday">Bytes of both directions on this day, by the site's time; at the site, over its restarts too.</param>
/// <param name="SavedToday">Bytes that compression kept off the link on this day, in both directions.</param>
/// <param name="Budget">The budget in force; null: none.</param>
/// <param name="IsSpent">Whether the day's bytes are used up.</param>
public readonly record struct LinkCost(TimeSpan? RoundTrip, long Sent, long Received, long BytesToday, long SavedToday, LinkBudget? Budget, bool IsSpent)
{
    internal LinkCost(TimeSpan? roundTrip, long sent, long received, DayCount today, LinkBudget? budget, bool isSpent)
        : this(roundTrip, sent, received, today.Bytes, today.Saved, budget, isSpent)
    {
    }
}
