using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Routing;

/// <summary>
/// 64-bit digest of a set of entries: the wrapping sum of one hash an entry, so it does not depend on order and changes
/// incrementally. The same on every machine. It finds drift, not malice: what a child announces is bound to its subtree anyway.
/// <c>since</c> is left out, because two clocks write it.
/// </summary>
internal static class RouteDigest
{
    private const ulong Offset = 14695981039346656037;
    private const ulong Prime = 1099511628211;

    public static ulong Of(RouteEntry entry)
    {
        ulong hash = Head(entry.Name, entry.Uid, entry.Parent, entry.Epoch, entry.Online, entry.Managed, entry.Address, entry.Version, entry.Home, entry.Placement);
        foreach (string tag in entry.Tags.Texts) hash = Add(hash, tag);
        return Finish(hash);
    }

    /// <summary>Of an entry as announced, which may be one that <see cref="RouteWire"/> refuses to read.</summary>
    public static ulong Of(Wire.RouteEntry entry)
    {
        ulong hash = Head(entry.Name, entry.Uid, entry.Parent, entry.Epoch, entry.Online, entry.Managed, entry.Address, entry.Version, entry.Home, entry.Placement);
        foreach (string tag in entry.Tags) hash = Add(hash, tag);
        return Finish(hash);
    }

    private static ulong Head(string name, string uid, string parent, ulong epoch, bool online, bool managed, string address, string version, string home, ulong placement)
    {
        ulong hash = Add(Add(Add(Add(Add(Offset, name), uid), parent), address), version);
        if (home.Length > 0 || placement != 0) hash = (Add(hash, home) ^ placement) * Prime; // so that those who state neither agree with older builds
        hash = (hash ^ epoch) * Prime;
        return (hash ^ (online ? 1UL : 2UL) ^ (managed ? 4UL : 8UL)) * Prime;
    }

    private static ulong Add(ulong hash, string text)
    {
        foreach (char c in text) hash = (hash ^ c) * Prime;
        return (hash ^ 0xFFFF) * Prime;
    }

    private static ulong Finish(ulong hash)
    {
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        hash ^= hash >> 33;
        return hash == 0 ? 1 : hash;
    }
}
