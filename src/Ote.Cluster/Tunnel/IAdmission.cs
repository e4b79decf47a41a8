using System.Security.Cryptography.X509Certificates;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// Decides who may attach, after the tunnel has checked what it can itself (identity, name, tags, epoch, protocol, cycle). Called for
/// every Hello, also concurrently: decide on a snapshot, without waiting.
/// </summary>
public interface IAdmission
{
    /// <summary>Accept with what the child should know, or refuse with the reason.</summary>
    Admission Decide(Hello hello, PeerIdentity peer, X509Certificate2? certificate);

    /// <summary>This cluster's position now, which heartbeats tell the children. Asked often: quick.</summary>
    TreePosition Position => TreePosition.None;

    /// <summary>How this cluster stands as a possible parent of another.</summary>
    ProbeAnswer Probe(PeerIdentity peer) => new();
}

/// <summary>The answer to a Hello.</summary>
public sealed class Admission
{
    private Admission(Refuse? refusal, IReadOnlyList<string> path, TreePosition position, IReadOnlyList<Candidate> candidates)
    {
        Refusal = refusal;
        Path = path;
        Position = position;
        Candidates = candidates;
    }

    /// <summary>Why not; null when accepted.</summary>
    public Refuse? Refusal { get; }

    /// <summary>From the root down to and including this parent.</summary>
    public IReadOnlyList<string> Path { get; }

    /// <summary>This parent's position; it was above the child's when asked, and can only have risen since.</summary>
    public TreePosition Position { get; }

    /// <summary>Where else the child may go.</summary>
    public IReadOnlyList<Candidate> Candidates { get; }

    /// <summary>The child's certificate when it is one that the root has not issued; null otherwise.</summary>
    public ProvisionalCertificate? Provisional { get; init; }

    /// <summary>The child may attach.</summary>
    public static Admission Accept(IReadOnlyList<string> path, TreePosition position, IReadOnlyList<Candidate>? candidates = null, ProvisionalCertificate? provisional = null) =>
        new(null, path, position, candidates ?? []) { Provisional = provisional };

    internal static Admission Refused(Refuse refusal) => new(refusal, [], TreePosition.None, []);

    /// <summary>The child may not attach, now or until a person changes something.</summary>
    /// <param name="reason">Machine word.</param>
    /// <param name="text">For people: what is wrong and what to do.</param>
    /// <param name="retryAfter">When to come again; null leaves it to the child.</param>
    /// <param name="never">Coming again cannot help until a person changes something.</param>
    /// <param name="candidates">Who else might take the child; null for nobody.</param>
    public static Admission Refuse(
        Refuse.Types.Reason reason, string text, TimeSpan? retryAfter = null, bool never = false, IReadOnlyList<Candidate>? candidates = null) =>
        Refused(new Refuse
        {
            Reason = reason,
            Text = text,
            RetryAfterMilliseconds = (uint)(retryAfter ?? TimeSpan.Zero).TotalMilliseconds,
            Never = never,
            Candidates = { candidates ?? [] },
        });
}
