using System.Globalization;

namespace Ote.Bench.Serve;

/// <summary>What a process holds in memory, by the kernel's account.</summary>
internal static class Resident
{
    /// <exception cref="BenchException">The kernel does not say; Linux only.</exception>
    public static long BytesOf(int process)
    {
        var line = File.ReadLines($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/status").FirstOrDefault(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
            ?? throw new BenchException($"process {process} has ended: its memory cannot be read");
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024;
    }
}
