namespace Ote.EdgeHub.Upstream;

/// <summary>What counts of one API server when the next is chosen.</summary>
/// <param name="MayBeAsked">Whether it is up, and has not just failed the request that is to be sent.</param>
/// <param name="IsLeaving">Whether it is none of the cluster's any more.</param>
/// <param name="IsDoubted">Whether its last probe or request failed.</param>
/// <param name="Pending">Requests under way there.</param>
internal readonly record struct Candidate(bool MayBeAsked, bool IsLeaving, bool IsDoubted, int Pending);

/// <summary>Which API server is asked next. Pure.</summary>
internal static class ServerChoice
{
    /// <summary>Chooses one: one that is leaving only where no other is up, for a node is not cut off while any answers; one that is doubted only where all are; then as the balance says.</summary>
    /// <param name="balance">By what.</param>
    /// <param name="servers">Those there are, in the order in which they are preferred.</param>
    /// <param name="turn">Whose turn it is among equals: a place in the list.</param>
    /// <returns>Its place in the list; -1: none may be asked.</returns>
    public static int Next(Balance balance, IReadOnlyList<Candidate> servers, int turn)
    {
        var chosen = -1;
        var first = balance == Balance.Priority ? 0 : turn;
        for (var i = 0; i < servers.Count; i++)
        {
            var place = (first + i) % servers.Count;
            if (servers[place].MayBeAsked && (chosen < 0 || Rank(servers[place]).CompareTo(Rank(servers[chosen])) < 0))
            {
                chosen = place;
            }
        }

        return chosen;

        (bool, bool, int) Rank(Candidate server) => (server.IsLeaving, server.IsDoubted, balance == Balance.LeastPending ? server.Pending : 0);
    }
}
