using System.Buffers.Binary;

namespace Ote.Tests.Fuzz;

/// <summary>Makes inputs from others. The same seed makes the same.</summary>
internal sealed class Mutator(int seed)
{
    private const int Longest = 4096;
    private static readonly ulong[] Numbers = [0, 1, 2, 3, 127, 128, 255, 16_383, 16_384, 65_535, int.MaxValue, 1ul << 31, uint.MaxValue, long.MaxValue, 1ul << 63, ulong.MaxValue];
    private readonly Random random = new(seed);

    /// <summary>One of a list.</summary>
    public T One<T>(IReadOnlyList<T> all) => all[random.Next(all.Count)];

    /// <summary>A few changes to one input, with pieces of another.</summary>
    public byte[] Change(byte[] input, byte[] other)
    {
        List<byte> bytes = [.. input];
        for (int changes = 1 + random.Next(4); changes > 0; changes--) Change(bytes, other);
        if (bytes.Count > Longest) bytes.RemoveRange(Longest, bytes.Count - Longest);
        return [.. bytes];
    }

    private void Change(List<byte> bytes, byte[] other)
    {
        int at = random.Next(bytes.Count + 1);
        int length = Math.Min(1 + random.Next(random.Next(2) == 0 ? 4 : 64), bytes.Count - at);
        switch (random.Next(9))
        {
            case 0 when length > 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when length > 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 4:
                bytes.InsertRange(at, Varint(One(Numbers)));
                break;
            case 5 when length > 0:
                bytes.RemoveAt(at);
                bytes.InsertRange(at, Varint(One(Numbers)));
                break;
            case 6 when other.Length > 0:
                int from = random.Next(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(1 + random.Next(128), other.Length - from)).ToArray());
                break;
            case 7:
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other);
                break;
            case 8 when length >= 8:
                Span<byte> number = stackalloc byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(number, One(Numbers));
                for (int i = 0; i < 8; i++) bytes[at + i] = number[i];
                break;
            default:
                bytes.Insert(at, (byte)random.Next(256));
                break;
        }
    }

    private static List<byte> Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }
}
