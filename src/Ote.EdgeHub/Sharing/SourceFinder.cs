using Ote.EdgeHub.Witness;

namespace Ote.EdgeHub.Sharing;

/// <summary>Asks the hubs of the site, in turn, whether one may read from them. One caller at a time.</summary>
/// <param name="reads">Is told the one.</param>
/// <param name="probe">Asks.</param>
internal sealed class SourceFinder(SharedReads reads, PeerProbe probe)
{
    private const int Every = 3; // looks
    private int _looks;

    /// <summary>A look at the site is due: every third time they are asked.</summary>
    public async Task LookAsync(IReadOnlyList<SitePeer> site, CancellationToken stop)
    {
        if (_looks++ % Every != 0)
        {
            return;
        }

        foreach (var peer in reads.Candidates(site))
        {
            if (await probe.AskAsync(peer, stop).ConfigureAwait(false) is { Shares: { } how } word && reads.Suits(how))
            {
                reads.Choose(new SharingHub(peer.Name, peer.Hub!, word.Authority));
                return;
            }
        }

        reads.Choose(null);
    }
}
