using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ote.Roles.Hosting;

/// <summary>
/// The pages of machine code that this process holds mapped. A start runs through most of the executable once; the kernel then counts all of it
/// as resident, and of all clean pages it gives up mapped code last.
/// </summary>
internal static partial class CodePages
{
    private const string Maps = "/proc/self/maps";
    private const string Executable = "r-xp";
    private const int DontNeed = 4; // MADV_DONTNEED

    /// <summary>Unmaps the code of the executable and its libraries. What is still run comes back from the page cache, 64 KB a fault. Safe at any time, on any thread.</summary>
    public static void Release()
    {
        // A runtime with a compiler changes code in memory; it is not what lies in the file.
        if (RuntimeFeature.IsDynamicCodeSupported || !File.Exists(Maps))
        {
            return;
        }

        foreach (var line in File.ReadLines(Maps))
        {
            // 00405000-00e5f000 r-xp 00005000 fe:00 1234567    /usr/bin/ote
            if (line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [var range, Executable, _, _, _, ['/', ..]]
                && range.Split('-') is [var from, var to])
            {
                var begin = nuint.Parse(from, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                var end = nuint.Parse(to, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                // Refused where pages are locked in memory, which is then as wanted.
                _ = Advise(begin, end - begin, DontNeed);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint begin, nuint length, int advice);
}
