using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Routing;

internal static class RouteTableTesting
{
    public static RouteEntry Entry(string name, string parent, ulong epoch = 1) =>
        new() { Name = name, Uid = "uid-" + name, Parent = parent, Epoch = epoch, Online = true, Managed = true };

    /// <summary>A direct child attaches with what is below it, at version 7; "x/y" hangs below y, a bare name below the child.</summary>
    public static RouteStep Tree(RouteTable table, string child, params IEnumerable<string> below)
    {
        var entry = Entry(child, table.Self.Name);
        table.ChildAttached(entry);
        var entries = below.Select(b => b.Split('/')).Select(b => Entry(b[0], b.Length > 1 ? b[1] : child)).Prepend(entry);
        return table.SnapshotReceived(child, new RouteSnapshot { Version = 7, Entries = { entries.Select(RouteWire.ToWire) } });
    }
}
