using Google.Protobuf;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>What a parent knows when a Hello arrives.</summary>
/// <param name="Name">The parent's own name.</param>
/// <param name="Path">From the root down to and including the parent.</param>
/// <param name="Links">Links it has.</param>
/// <param name="MaxLinks">Links it may have.</param>
/// <param name="KnownEpoch">The newest epoch of this uid that was attached here; 0 when none.</param>
/// <param name="IsLinked">Whether this uid has a link now.</param>
internal readonly record struct HandshakeView(string Name, IReadOnlyList<string> Path, int Links, int MaxLinks, ulong KnownEpoch, bool IsLinked);

/// <summary>The rules of Hello and Welcome. Pure.</summary>
internal static class Handshake
{
    /// <summary>The newest epoch an attachment can have: it stands in a status, which knows no larger number.</summary>
    public const ulong MaxEpoch = long.MaxValue;

    /// <summary>
    /// The newest epoch that a parent is believed about the own uid. Far beyond what any cluster comes to, and far from the last: a parent
    /// that lies cannot take a cluster's epochs away.
    /// </summary>
    public const ulong MaxToldEpoch = MaxEpoch / 2;

    // Hints for children that are turned away but may come again.
    private const uint OverloadedRetryMilliseconds = 10_000;

    /// <summary>
    /// Whether a child may attach; null when it may, otherwise the refusal. A newer epoch is always welcome, whatever link of the
    /// same uid may linger; an older or equal one never is.
    /// </summary>
    public static Refuse? Check(Hello hello, PeerIdentity peer, in HandshakeView view)
    {
        if (hello.Name != peer.Name || hello.Uid != peer.Uid)
        {
            return Never(
                Refuse.Types.Reason.IdentityMismatch,
                $"Hello says {Short(hello.Name)} ({Short(hello.Uid)}), the certificate says {peer}; join again or use the data directory the certificate was issued to");
        }

        if (hello.Protocol < ProtocolLimits.OldestVersion)
        {
            return Never(
                Refuse.Types.Reason.Protocol,
                $"protocol {hello.Protocol} is no longer spoken here; {ProtocolLimits.OldestVersion} to {ProtocolLimits.Version} are: update {peer.Name}");
        }

        if (hello.Epoch > MaxEpoch) return Never(Refuse.Types.Reason.Protocol, $"epoch {hello.Epoch}; an attachment has at most {MaxEpoch}");

        if (hello.Incarnation.Length != 16 || hello.Session.Length > 64 || hello.Received.Count > Lanes.Count || hello.Version.Length > 200
            || hello.Membership.Length > Identity.Membership.MaxLength)
        {
            return Never(Refuse.Types.Reason.Protocol, "a malformed Hello: the incarnation has 16 bytes, the session at most 64, one cursor per lane");
        }

        if (view.Name == hello.Name || view.Path.Contains(hello.Name))
        {
            return new Refuse
            {
                Reason = Refuse.Types.Reason.Cycle,
                Text = $"{hello.Name} is an ancestor of {view.Name} ({string.Join('/', view.Path)}); choose another parent",
                RetryAfterMilliseconds = OverloadedRetryMilliseconds,
            };
        }

        if (ClusterName.CheckChild(hello.Name) is { } nameError) return Never(Refuse.Types.Reason.InvalidName, nameError);
        if (!TagSet.TryCreate(hello.Tags, out _, out string? tagError)) return Never(Refuse.Types.Reason.InvalidTag, tagError);
        if (hello.Epoch <= view.KnownEpoch)
        {
            return new Refuse
            {
                Reason = Refuse.Types.Reason.OldEpoch,
                Text = $"epoch {hello.Epoch} of {peer} is not newer than {view.KnownEpoch}, which was attached here",
                KnownEpoch = view.KnownEpoch,
            };
        }

        if (!view.IsLinked && view.Links >= view.MaxLinks)
        {
            return new Refuse
            {
                Reason = Refuse.Types.Reason.Overloaded,
                Text = $"{view.Name} has {view.Links} children and takes no more",
                RetryAfterMilliseconds = OverloadedRetryMilliseconds,
            };
        }

        return null;
    }

    /// <summary>The Hello as handlers may see it: an advertised address that is none is left out.</summary>
    public static void Clean(Hello hello) => hello.AdvertisedAddress = AdvertisedAddress.Normalize(hello.AdvertisedAddress) ?? "";

    /// <summary>The Welcome that offers to resume when both sides still know the session, a new one otherwise.</summary>
    public static Welcome Answer(Hello hello, Session? session, ByteString newSession, Admission admission, TunnelOptions options, string version, string name)
    {
        bool resumed = session is not null && session.CanResume(hello.Session, hello.Received);
        Welcome welcome = new()
        {
            Name = name,
            Limits = options.ToLimits(),
            Session = resumed ? session!.Id : newSession,
            Resumed = resumed,
            Protocol = Math.Min(hello.Protocol, ProtocolLimits.Version),
            Version = version,
            Position = admission.Position.ToWire(),
            Compression = options.Compress && hello.Compressions.Contains(Compression.Brotli) ? Compression.Brotli : Compression.None,
        };
        welcome.Path.Add(admission.Path);
        welcome.Candidates.Add(admission.Candidates);
        if (resumed) welcome.Received.Add(session!.Received());
        return welcome;
    }

    /// <summary>Whether a child can take a Welcome; otherwise what is wrong with it.</summary>
    public static string? Check(Welcome welcome, Hello hello, PeerIdentity parent, Session session)
    {
        if (welcome.Name != parent.Name) return $"Welcome says {Short(welcome.Name)}, the certificate says {parent}";
        if (welcome.Protocol is < ProtocolLimits.OldestVersion or > ProtocolLimits.Version) return $"Welcome chose protocol {welcome.Protocol}, which is not spoken here";
        if (welcome.Path.Contains(hello.Name)) return $"the parent's path {string.Join('/', welcome.Path)} leads through {hello.Name}";
        if (welcome.Compression != Compression.None && !hello.Compressions.Contains(welcome.Compression)) return $"Welcome chose compression {welcome.Compression}, which was not offered";
        if (welcome.Session.Length is 0 or > 64) return "Welcome names no session";
        if (welcome.Resumed && !session.CanResume(welcome.Session, welcome.Received)) return "Welcome resumes a session that is not ours";
        return null;
    }

    private static Refuse Never(Refuse.Types.Reason reason, string text) => new() { Reason = reason, Text = text, Never = true };

    private static string Short(string text) => text.Length <= 64 ? text : text[..64] + "…";
}
