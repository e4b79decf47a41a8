using System.Security.Cryptography.X509Certificates;
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
}

/// <summary>The answer to a Hello.</summary>
public sealed class Admission
{
    private Admission(Refuse? refusal, IReadOnlyList<string> path, IReadOnlyList<Candidate> candidates)
    {
        Refusal = refusal;
        Path = path;
        Candidates = candidates;
    }

    /// <summary>Why not; null when accepted.</summary>
    public Refuse? Refusal { get; }

    /// <summary>From the root down to and including this parent.</summary>
    public IReadOnlyList<string> Path { get; }

    /// <summary>Where else the child may go.</summary>
    public IReadOnlyList<Candidate> Candidates { get; }

    /// <summary>The child may attach.</summary>
    public static Admission Accept(IReadOnlyList<string> path, IReadOnlyList<Candidate>? candidates = null) => new(null, path, candidates ?? []);

    internal static Admission Refused(Refuse refusal) => new(refusal, [], []);

    /// <summary>The child may not attach, now or until a person changes something.</summary>
    /// <param name="reason">Machine word.</param>
    /// <param name="text">For people: what is wrong and what to do.</param>
    /// <param name="retryAfter">When to come again; null leaves it to the child.</param>
    /// <param name="never">Coming again cannot help until a person changes something.</param>
    public static Admission Refuse(Refuse.Types.Reason reason, string text, TimeSpan? retryAfter = null, bool never = false) =>
        new(
            new Refuse
            {
                Reason = reason,
                Text = text,
                RetryAfterMilliseconds = (uint)(retryAfter ?? TimeSpan.Zero).TotalMilliseconds,
                Never = never,
            },
            [],
            []);
}
