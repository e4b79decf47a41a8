using System.Diagnostics.CodeAnalysis;
using Ote.Cluster.Budgets;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Routing;

/// <summary>Between <see cref="RouteEntry"/> and its form on the link.</summary>
internal static class RouteWire
{
    private const int MaxTextLength = 256;
    private const int MaxLateralBytes = 16 * 1024;
    private static readonly long LatestTime = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    public static Wire.RouteEntry ToWire(RouteEntry entry)
    {
        Wire.RouteEntry wire = new()
        {
            Name = entry.Name,
            Uid = entry.Uid,
            Parent = entry.Parent,
            Epoch = entry.Epoch,
            Online = entry.Online,
            Address = entry.Address,
            Version = entry.Version,
            SinceUnixMilliseconds = entry.Since,
            Managed = entry.Managed,
            Home = entry.Home,
            Placement = entry.Placement,
            Trust = entry.Trust,
            Authority = entry.Authority,
            Budget = entry.Budget,
            Cost = entry.Link?.ToWire(),
            Lateral = entry.Lateral,
            LateralLinks = entry.LateralLinks,
            Local = entry.Local?.ToWire(),
            Membership = entry.Membership,
            Issuer = entry.Issuer,
            Issuing = entry.Issuing,
        };
        wire.Tags.Add(entry.Tags);
        return wire;
    }

    /// <summary>Nothing a peer says is believed unchecked: names, tags and lengths are validated here.</summary>
    public static bool TryRead(Wire.RouteEntry wire, [NotNullWhen(true)] out RouteEntry? entry, [NotNullWhen(false)] out string? error)
    {
        entry = null;
        error = ClusterName.CheckChild(wire.Name);
        if (error is not null) return false;
        if (wire.Uid.Length is 0 or > MaxTextLength)
        {
            error = $"cluster '{wire.Name}' was announced with a uid of {wire.Uid.Length} characters; 1 to {MaxTextLength} are allowed";
            return false;
        }

        if (wire.Address.Length > MaxTextLength || wire.Version.Length > MaxTextLength || ClusterName.Check(wire.Parent) is not null
            || (wire.Home.Length > 0 && ClusterName.Check(wire.Home) is not null) || (wire.Issuer.Length > 0 && ClusterName.CheckChild(wire.Issuer) is not null))
        {
            error = $"cluster '{wire.Name}' was announced with an invalid parent or issuer, or an address or version longer than {MaxTextLength} characters";
            return false;
        }

        if (wire.Membership.Length > Membership.MaxLength)
        {
            error = $"cluster '{wire.Name}' was announced with a membership proof of {wire.Membership.Length} bytes; at most {Membership.MaxLength} are allowed";
            return false;
        }

        if (wire.Epoch > Handshake.MaxEpoch)
        {
            error = $"cluster '{wire.Name}' was announced with epoch {wire.Epoch}, which no attachment can have";
            return false;
        }

        if (!TagSet.TryCreate(wire.Tags, out TagSet tags, out string? tagError))
        {
            error = $"cluster '{wire.Name}' was announced with an invalid tag: {tagError}";
            return false;
        }

        entry = new RouteEntry
        {
            Name = wire.Name,
            Uid = wire.Uid,
            Parent = wire.Parent,
            Epoch = wire.Epoch,
            Tags = tags,
            Online = wire.Online,
            Address = wire.Address,
            Version = wire.Version,
            Since = Math.Clamp(wire.SinceUnixMilliseconds, 0, LatestTime),
            Managed = wire.Managed,
            Home = wire.Home,
            Placement = wire.Placement,
            Trust = Math.Min(wire.Trust, long.MaxValue), // it stands in a status
            Authority = wire.Authority,
            Budget = wire.Budget,
            Link = LinkReport.From(wire.Cost),
            Lateral = wire.Lateral,
            LateralLinks = wire.LateralLinks.Length <= MaxLateralBytes ? wire.LateralLinks : Google.Protobuf.ByteString.Empty, // for people: worth no refusal
            Local = LocalReport.From(wire.Local),
            Membership = wire.Membership,
            Issuer = wire.Issuer,
            Issuing = wire.Issuing,
        };
        return true;
    }
}
