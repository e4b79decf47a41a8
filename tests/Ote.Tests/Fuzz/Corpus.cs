using System.Runtime.CompilerServices;

namespace Ote.Tests.Fuzz;

/// <summary>The inputs that are kept of one target, one line of hexadecimal digits each: those that once led to something new, and each that showed a defect.</summary>
internal sealed class Corpus(string target)
{
    private const int Most = 400;

    private string Path => System.IO.Path.Combine(Folder(), "Corpus", target + ".hex");

    public List<byte[]> Load() => File.Exists(Path) ? [.. File.ReadLines(Path).Where(line => line.Length > 0).Select(Convert.FromHexString)] : [];

    /// <summary>Adds more, the shortest first, while there are few.</summary>
    public void Add(IEnumerable<byte[]> inputs)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        File.AppendAllLines(Path, inputs.OrderBy(i => i.Length).Take(Math.Max(0, Most - Load().Count)).Select(i => Convert.ToHexStringLower(i)));
    }

    private static string Folder([CallerFilePath] string here = "") => System.IO.Path.GetDirectoryName(here)!;
}
