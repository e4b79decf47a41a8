using System.Globalization;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Bench.Crash;

/// <summary>What a killed server left on its disk, looked at in a copy: the server's own start must not meet a file that was mended by looking.</summary>
internal static class KilledFile
{
    /// <summary>Looks whether the database is whole, and how many acknowledged writes are not in it.</summary>
    /// <param name="data">The data directory; nobody works in it.</param>
    /// <param name="copy">Where the copy may be made; emptied before and after.</param>
    /// <param name="acknowledged">The newest acknowledged version and number of each object.</param>
    /// <returns>Whether SQLite's integrity check and the sums of all rows are right, and the number of objects that are missing or older than acknowledged.</returns>
    public static (bool Whole, int Lost) Look(string data, string copy, IReadOnlyDictionary<string, (long Version, long Value)> acknowledged)
    {
        if (Directory.Exists(copy))
        {
            Directory.Delete(copy, recursive: true);
        }

        Directory.CreateDirectory(copy);
        foreach (var name in (string[])[StoreCopy.FileName, StoreCopy.FileName + "-wal"])
        {
            File.Copy(Path.Combine(data, name), Path.Combine(copy, name));
        }

        var file = Path.Combine(copy, StoreCopy.FileName);
        try
        {
            StoreCopy.Check(file);
        }
        catch (IOException damaged)
        {
            Console.Error.WriteLine($"crash: {damaged.Message}");
            return (false, acknowledged.Count);
        }

        var stored = StoreCopy.Read(file, "/configmaps").ToDictionary(map => map.Name(), StringComparer.Ordinal);
        var lost = acknowledged.Count(one => !stored.TryGetValue(one.Key, out var now) || Number(now.ResourceVersion()) < one.Value.Version || Number(now.Text("data", "n")) < one.Value.Value);
        Directory.Delete(copy, recursive: true);
        return (true, lost);
    }

    private static long Number(string? text) => long.Parse(text ?? "0", CultureInfo.InvariantCulture);
}
