using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Ote.Kube.Server.Store;

/// <summary>
/// Looks at a write-ahead log before SQLite does. SQLite goes on from the last frame whose checksum is right and says nothing of those behind it: right for the
/// one transaction that a crash cut off, which nobody was told of, and wrong for a log that was damaged, cut or taken away later. Layout: sqlite.org/walformat.html.
/// </summary>
internal static class WalCheck
{
    private const int HeaderBytes = 32;
    private const int FrameHeaderBytes = 24;
    private const uint Magic = 0x377f0682;
    private const int IndexBytes = 136;

    /// <summary>What is wrong with a database's log, in words that go after a colon; null when nothing that was acknowledged can be missing.</summary>
    /// <param name="database">The database; nobody has it open.</param>
    /// <exception cref="IOException">The log cannot be read.</exception>
    public static string? Find(string database)
    {
        var path = database + "-wal";
        var index = Index.Read(database + "-shm");
        if (!File.Exists(path) || new FileInfo(path).Length is 0)
        {
            return index is { Frames: > 0 } lost && lost.Folded < lost.Frames ? $"its log {path} is missing, and with it what was written last" : null;
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 64 * 1024);
        var head = new byte[HeaderBytes];
        if (file.ReadAtLeast(head, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes || Header.Read(head) is not { } header)
        {
            return $"the first bytes of its log {path} are not as they were written";
        }

        var (whole, more) = Walk(file, header);
        if (more)
        {
            return $"its log {path} has a damaged part at frame {whole + 1}, and whole transactions after it";
        }

        return index is { } told && told.Salts == header.Salts && told.Frames > whole ? $"its log {path} ends after {whole} frames, and there were {told.Frames}" : null;
    }

    /// <summary>
    /// How many frames are right, and whether others follow that cannot belong to the transaction a crash cut off: each is flushed before the next begins, so nothing of this
    /// life of the log stands behind the end of a cut one.
    /// </summary>
    private static (long Whole, bool More) Walk(FileStream file, Header header)
    {
        var frame = new byte[FrameHeaderBytes + header.PageBytes];
        var sum = header.Sum;
        var (whole, broken, ended) = (0L, false, false);
        while (file.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false) == frame.Length)
        {
            if (BinaryPrimitives.ReadUInt64BigEndian(frame.AsSpan(8)) != header.Salts)
            {
                broken = true; // of an earlier life, or not a frame any more
                continue;
            }

            if (ended)
            {
                return (whole, true);
            }

            if (!broken)
            {
                var next = Sum(Sum(sum, frame.AsSpan(0, 8), header.BigEndian), frame.AsSpan(FrameHeaderBytes), header.BigEndian);
                if (next == (BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(16)), BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(20))))
                {
                    (sum, whole) = (next, whole + 1);
                    continue;
                }

                broken = true;
            }

            ended = BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(4)) != 0;
        }

        return (whole, false);
    }

    private static (uint, uint) Sum((uint, uint) sum, ReadOnlySpan<byte> bytes, bool bigEndian)
    {
        var (first, second) = sum;
        var words = MemoryMarshal.Cast<byte, uint>(bytes);
        var turn = bigEndian == BitConverter.IsLittleEndian;
        for (var i = 0; i + 1 < words.Length; i += 2)
        {
            first += (turn ? BinaryPrimitives.ReverseEndianness(words[i]) : words[i]) + second;
            second += (turn ? BinaryPrimitives.ReverseEndianness(words[i + 1]) : words[i + 1]) + first;
        }

        return (first, second);
    }

    /// <summary>The log's first bytes.</summary>
    private readonly record struct Header(int PageBytes, ulong Salts, (uint, uint) Sum, bool BigEndian)
    {
        public static Header? Read(ReadOnlySpan<byte> bytes)
        {
            var magic = BinaryPrimitives.ReadUInt32BigEndian(bytes);
            var page = BinaryPrimitives.ReadInt32BigEndian(bytes[8..]);
            var bigEndian = (magic & 1) != 0;
            var sum = WalCheck.Sum((0, 0), bytes[..24], bigEndian);
            return (magic & ~1u) == Magic && page is >= 512 and <= 65536
                && sum == (BinaryPrimitives.ReadUInt32BigEndian(bytes[24..]), BinaryPrimitives.ReadUInt32BigEndian(bytes[28..]))
                    ? new Header(page, BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]), sum, bigEndian)
                    : null;
        }
    }

    /// <summary>
    /// What the shared index says of the log: a killed process leaves it behind. A frame is in it only once the log is flushed, so it never knows of more than there was.
    /// </summary>
    /// <param name="Frames">Frames that were committed.</param>
    /// <param name="Folded">Of these, how many are in the database's file too.</param>
    /// <param name="Salts">Of the log it speaks of.</param>
    private readonly record struct Index(uint Frames, uint Folded, ulong Salts)
    {
        /// <summary>Null when there is none, or one that was being written.</summary>
        public static Index? Read(string path)
        {
            if (!File.Exists(path))
            {
                return null;
            }

            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            var bytes = new byte[IndexBytes];
            // In the order of the machine that wrote it, which is this one; only the salts are as they stand in the log.
            if (file.ReadAtLeast(bytes, IndexBytes, throwOnEndOfStream: false) < IndexBytes || !bytes.AsSpan(0, 48).SequenceEqual(bytes.AsSpan(48, 48)) || bytes[12] != 1
                || WalCheck.Sum((0, 0), bytes.AsSpan(0, 40), !BitConverter.IsLittleEndian) != (MemoryMarshal.Read<uint>(bytes.AsSpan(40)), MemoryMarshal.Read<uint>(bytes.AsSpan(44))))
            {
                return null;
            }

            return new Index(MemoryMarshal.Read<uint>(bytes.AsSpan(16)), MemoryMarshal.Read<uint>(bytes.AsSpan(96)), BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(32)));
        }
    }
}
