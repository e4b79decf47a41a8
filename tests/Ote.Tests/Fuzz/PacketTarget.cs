using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Fuzz;

/// <summary>A packet on an attached link: the codec and the session's state machine.</summary>
internal sealed class PacketTarget : IFuzzTarget
{
    public IEnumerable<byte[]> Seeds
    {
        get
        {
            SessionPair pair = new();
            pair.Connect();
            foreach (Lane lane in Enum.GetValues<Lane>().Where(l => l != Lane.Unspecified)) pair.Child.Queue(lane, "text on " + lane);
            pair.Child.Queue(Lane.Bulk, new string('b', 3000));
            while (pair.Child.Send(acks: true))
            {
            }

            return [.. pair.Child.Wire, .. HostilePackets.Attacks.Select(a => HostilePackets.Of(a.Data.Item1).Bytes).Where(b => b.Length is > 0 and < 1000)];
        }
    }

    public string Try(byte[] input)
    {
        SessionPair pair = new();
        pair.Connect();
        pair.Parent.Queue(Lane.Control, "down");
        pair.Parent.Send();
        try
        {
            pair.Parent.Read(input);
        }
        catch (ProtocolViolation violation)
        {
            return $"{violation.Reason} after {pair.Parent.Running.Count}: {Frames(input)}";
        }

        pair.Parent.CompleteAll();
        while (pair.Parent.Send(acks: true))
        {
        }

        return $"{pair.Parent.Delivered.Sum(d => d.Value.Count)} messages, {pair.Parent.Wire.Count} packets: {Frames(input)}";
    }

    // As far as they can be told apart, and not too many of them.
    private static string Frames(byte[] input)
    {
        List<int> kinds = [];
        try
        {
            FrameReader reader = new(input);
            while (kinds.Count < 4 && reader.TryRead(out Frame.KindOneofCase kind, out _)) kinds.Add((int)kind);
        }
        catch (ProtocolViolation)
        {
            kinds.Add(-1);
        }

        return string.Join(',', kinds);
    }
}
