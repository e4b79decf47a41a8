using Google.Protobuf;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Tests.Fuzz;

/// <summary>What a child tells of the clusters below it, and what it says of commands and messages.</summary>
internal sealed class RouteTarget : IFuzzTarget
{
    public IEnumerable<byte[]> Seeds
    {
        get
        {
            RouteSnapshot snapshot = new() { Version = 3, Entries = { Told("north", "root", 2), Told("c1", "north", 1), Told("c2", "c1", 4) } };
            RouteDelta delta = new() { FromVersion = 3, ToVersion = 4, Upserts = { Told("c3", "north", 1) }, Removals = { "c2" } };
            return
            [
                new Message { Lane = Lane.Control, RouteSnapshot = snapshot }.ToByteArray(),
                new Message { Lane = Lane.Control, RouteDelta = delta }.ToByteArray(),
            ];
        }
    }

    public string Try(byte[] input)
    {
        Message message;
        try
        {
            message = Message.Parser.ParseFrom(input);
        }
        catch (InvalidProtocolBufferException)
        {
            return "malformed";
        }

        RouteTable table = new(new RouteEntry { Name = "root", Uid = "u0", Online = true });
        table.ChildAttached(new RouteEntry { Name = "north", Uid = "u-north", Parent = "root", Online = true, Epoch = 2 });
        table.ChildAttached(new RouteEntry { Name = "south", Uid = "u-south", Parent = "root", Online = true, Epoch = 2 });
        table.SnapshotReceived("north", new RouteSnapshot { Version = 3, Entries = { Told("north", "root", 2), Told("c1", "north", 1), Told("c2", "c1", 4) } });
        table.SnapshotReceived("south", new RouteSnapshot { Version = 1, Entries = { Told("south", "root", 2), Told("c9", "south", 1) } });
        int errors = message.PayloadCase switch
        {
            Message.PayloadOneofCase.RouteSnapshot => table.SnapshotReceived("north", message.RouteSnapshot).Errors?.Count ?? 0,
            Message.PayloadOneofCase.RouteDelta => table.DeltaReceived("north", message.RouteDelta).Errors?.Count ?? 0,
            _ => 0,
        };
        foreach (RouteEntry entry in table.Below)
        {
            Assert.True(table.NextHop(entry.Name) is "north" or "south", $"{entry.Name} is reached through {table.NextHop(entry.Name)}, which is no child");
            Assert.NotEqual(table.Self.Name, entry.Name);
            table.Subtree(entry.Name); // ends, though the child may tell of a circle
        }

        return $"{message.PayloadCase} {Math.Min(table.Below.Count(), 6)} {Math.Min(errors, 3)} {table.Find("c9")?.Parent}";
    }

    private static Wire.RouteEntry Told(string name, string parent, ulong epoch) =>
        RouteWire.ToWire(new RouteEntry { Name = name, Uid = "u-" + name, Parent = parent, Online = true, Epoch = epoch, Address = "10.0.0.3:8287", Version = "1.0" });
}
