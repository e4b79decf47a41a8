using System.Buffers.Binary;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// SQLite's log of the newest changes (https://www.sqlite.org/fileformat2.html#the_write_ahead_log). SQLite takes its frames up to the first that is not as it was written, and says nothing of those behind: after a power failure that is right
/// for the last transaction, which nobody was told of. It is not where a disk damaged what was told. Pure but for reading the file.
/// </summary>
internal static class WriteAheadLog
{
    private const int HeaderBytes = 32;
    private const int FrameHeaderBytes = 24;
    private const uint Magic = 0x377f0682; // or that and one, where checksums are of big-endian words

    /// <summary>
    /// Whether there are transactions behind a frame that is not as it was written. Each is on the disk before the next begins, so that a power failure spoils one at most: where two go on from one another behind it, it was told.
    /// </summary>
    /// <param name="file">The log; one that is not there has no damage.</param>
    public static bool IsDamaged(string file)
    {
        if (!File.Exists(file))
        {
            return false;
        }

        using var log = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 64 * 1024);
        var header = new byte[HeaderBytes];
        if (log.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes)
        {
            return false;
        }

        var isBig = (Word(header, 0) & 1) == 1;
        var sum = Add((0, 0), header.AsSpan(0, 24), isBig);
        var isWhole = (Word(header, 0) & ~1u) == Magic && sum == (Word(header, 24), Word(header, 28));
        isBig &= isWhole;
        var pageBytes = isWhole ? (int)Word(header, 8) : 4096; // as SQLite makes it, and this hub with it
        var salt = isWhole ? BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(16)) : (ulong?)null;
        var frame = new byte[FrameHeaderBytes + pageBytes];
        var commits = 0;
        while (log.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false) == frame.Length)
        {
            var own = BinaryPrimitives.ReadUInt64BigEndian(frame.AsSpan(8));
            var isOfNow = own == (salt ??= own); // and not of before the log was begun anew
            var isCommit = isOfNow && Word(frame, 4) != 0;
            var stored = (Word(frame, 16), Word(frame, 20));
            var goesOn = isOfNow && Add(Add(sum, frame.AsSpan(0, 8), isBig), frame.AsSpan(FrameHeaderBytes), isBig) == stored;
            sum = stored;
            if (isWhole && goesOn)
            {
                continue;
            }

            commits = goesOn ? commits + (isCommit ? 1 : 0) : isCommit ? 1 : 0;
            isWhole = false;
            if (commits > 1)
            {
                return true;
            }
        }

        return false;
    }

    private static uint Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));

    private static (uint First, uint Second) Add((uint First, uint Second) sum, ReadOnlySpan<byte> bytes, bool isBig)
    {
        var (first, second) = sum;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            first += (isBig ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes)) + second;
            second += (isBig ? BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..])) + first;
        }

        return (first, second);
    }
}
