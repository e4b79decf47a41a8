using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ote.Roles.Hosting;

/// <summary>
/// The pages of machine code and constants that this process holds mapped. A start runs through most of the executable once; the kernel then counts all of it
/// as resident, and of all clean pages it gives up mapped code last.
/// </summary>
internal static partial class FilePages
{
    private const string Maps = "/proc/self/smaps";
    private const int DontNeed = 4; // MADV_DONTNEED
    private const int BufferBytes = 8192; // a line has a hundred, and the name of its file, which has 4,096 at most

    /// <summary>
    /// Unmaps the code and constants of the executable and its libraries. What is still used comes back from the page cache, 64 KB a fault. Safe at any time, on any thread. Nothing of note is allocated: it is done after the last collection for long.
    /// </summary>
    public static void Release()
    {
        // A runtime with a compiler changes code in memory; it is not what lies in the file.
        if (RuntimeFeature.IsDynamicCodeSupported || !File.Exists(Maps))
        {
            return;
        }

        using var maps = new FileStream(Maps, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        Read(maps, new byte[BufferBytes], (begin, end) => _ = Advise(begin, end - begin, DontNeed)); // Refused where pages are locked in memory, which is then as wanted.
    }

    /// <summary>Finds what can be unmapped and read again as it was: mapped from a file, not to be written, and nowhere written before.</summary>
    /// <param name="maps">The mappings, as Linux' <c>smaps</c> has them (proc_pid_smaps(5)).</param>
    /// <param name="buffer">Where lines are read into; one that is longer than it is passed over.</param>
    /// <param name="found">Told of begin and end of each.</param>
    internal static void Read(Stream maps, Span<byte> buffer, Action<nuint, nuint> found)
    {
        var mapping = default((nuint Begin, nuint End)?);
        var held = 0;
        while (maps.Read(buffer[held..]) is > 0 and var read)
        {
            var text = buffer[..(held + read)];
            while (text.IndexOf((byte)'\n') is >= 0 and var length)
            {
                Look(text[..length]);
                text = text[(length + 1)..];
            }

            held = text.Length < buffer.Length ? text.Length : 0;
            text[..held].CopyTo(buffer);
        }

        void Look(ReadOnlySpan<byte> line)
        {
            // Anonymous:             0 kB
            if (line.StartsWith("Anonymous:"u8))
            {
                if (mapping is { } clean && Utf8Parser.TryParse(line["Anonymous:"u8.Length..].TrimStart((byte)' '), out long written, out _) && written == 0)
                {
                    found(clean.Begin, clean.End);
                }

                mapping = null;
            }
            else if (Utf8Parser.TryParse(line, out ulong begin, out var digits, 'x') && digits < line.Length && line[digits] == '-')
            {
                // 00405000-00e5f000 r-xp 00005000 fe:00 1234567    /usr/bin/ote
                var rest = line[(digits + 1)..];
                var isCandidate = Utf8Parser.TryParse(rest, out ulong end, out digits, 'x') && (rest[digits..].StartsWith(" r-xp "u8) || rest[digits..].StartsWith(" r--p "u8)) && rest.Contains((byte)'/');
                mapping = isCandidate ? ((nuint)begin, (nuint)end) : null;
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint begin, nuint length, int advice);
}
