using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Ote.Kube.Server.Addresses;

/// <summary>The cluster IPs of a range as numbers, counted from the range's own address, and which of them are taken.</summary>
internal sealed class ClusterAddresses(IPNetwork range)
{
    private const int FewestBits = 8;
    private const int MostBits = 24;

    private readonly uint _base = Bits(range.BaseAddress);

    /// <summary>The range.</summary>
    public IPNetwork Range => range;

    /// <summary>The numbers of its addresses but the first and the last one, which stand for the network itself.</summary>
    public NumberPool Pool { get; } = new(1, Count(range), Math.Clamp(Count(range) / 16, 16, 256));

    /// <summary>Whether addresses can be dealt out of a range.</summary>
    public static bool Suits(IPNetwork range) =>
        range.BaseAddress.AddressFamily == AddressFamily.InterNetwork && 32 - range.PrefixLength is >= FewestBits and <= MostBits;

    /// <summary>The number of an address; null when it is none of the range.</summary>
    public int? Number(string address) =>
        IPAddress.TryParse(address, out var parsed) && parsed.AddressFamily == AddressFamily.InterNetwork && range.Contains(parsed) ? (int)(Bits(parsed) - _base) : null;

    /// <summary>The address of a number.</summary>
    public string Text(int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, _base + (uint)number);
        return new IPAddress(bytes).ToString();
    }

    private static int Count(IPNetwork range) => (1 << (32 - range.PrefixLength)) - 2;

    private static uint Bits(IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());
}
