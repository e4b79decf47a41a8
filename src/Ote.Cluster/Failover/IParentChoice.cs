using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>Says whom an EdgeTunnel dials, and hears what came of it. Called from one loop; return quickly.</summary>
public interface IParentChoice
{
    /// <summary>Whom to dial now, or how long to wait before asking again.</summary>
    ParentStep Next();

    /// <summary>It could not be reached, or is not who it should be.</summary>
    /// <returns>How long it will be left alone, for the log.</returns>
    TimeSpan Failed(ParentTarget target);

    /// <summary>It answered with a refusal.</summary>
    /// <returns>How long it will be left alone, for the log.</returns>
    TimeSpan Refused(ParentTarget target, Refuse refusal);

    /// <summary>Whether a welcome may be taken: null when it may, otherwise why not. Asked at the last moment before the link counts.</summary>
    string? Accept(ParentTarget target, PeerIdentity parent, Welcome welcome);

    /// <summary>The link is up.</summary>
    void Attached(ParentTarget target, PeerIdentity parent, Welcome welcome);

    /// <summary>The link is lost after this long; planned when somebody wished that, and nothing is wrong with the parent.</summary>
    void Lost(TimeSpan lasted, bool planned);
}
