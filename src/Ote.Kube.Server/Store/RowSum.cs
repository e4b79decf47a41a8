using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Ote.Kube.Server.Store;

/// <summary>
/// The checksum of a row of the log: of its revision, its key and its object. SQLite has none for what is in its pages, so bytes of an object that a disk
/// changed would be answered as if they had been written.
/// </summary>
internal static class RowSum
{
    private const int StackBytes = 512;

    /// <summary>The sum, 0 to 2^32 - 1: CRC-32C, for which processors have an instruction.</summary>
    public static long Of(long revision, StoreKey key, ReadOnlySpan<byte> value)
    {
        var sum = BitOperations.Crc32C(uint.MaxValue, (ulong)revision);
        sum = Add(sum, key.Resource);
        sum = Add(sum, key.Namespace);
        sum = Add(sum, key.Name);
        return Add(sum, value);
    }

    /// <summary>The same, of a key in UTF-8.</summary>
    public static long Of(long revision, ReadOnlySpan<byte> resource, ReadOnlySpan<byte> ns, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
        Add(Add(Add(Add(BitOperations.Crc32C(uint.MaxValue, (ulong)revision), resource), ns), name), value);

    private static uint Add(uint sum, string text)
    {
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        var bytes = most <= StackBytes ? stackalloc byte[StackBytes] : new byte[most];
        return Add(sum, bytes[..Encoding.UTF8.GetBytes(text, bytes)]);
    }

    private static uint Add(uint sum, ReadOnlySpan<byte> bytes)
    {
        // The length first: what ends one part must not begin the next.
        sum = BitOperations.Crc32C(sum, (ulong)bytes.Length);
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var rest in bytes)
        {
            sum = BitOperations.Crc32C(sum, rest);
        }

        return sum;
    }
}
