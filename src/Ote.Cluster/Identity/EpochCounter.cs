using System.Globalization;
using System.Text;

namespace Ote.Cluster.Identity;

/// <summary>
/// Numbers attachments over the whole life of a cluster: each number is greater than all before it, also after a crash. A file holds a
/// number none has reached yet, so most calls write nothing. Thread-safe.
/// </summary>
public sealed class EpochCounter
{
    private const ulong Block = 1000;
    private readonly Lock gate = new();
    private readonly string? path;
    private ulong last;
    private ulong reserved;

    private EpochCounter(string? path, ulong last)
    {
        this.path = path;
        this.last = last;
        reserved = path is null ? ulong.MaxValue : last;
    }

    /// <summary>A counter that lives in memory only.</summary>
    public static EpochCounter InMemory(ulong start = 0) => new(null, start);

    /// <summary>The counter kept in a directory.</summary>
    /// <exception cref="IdentityException">The file is there but holds no number.</exception>
    public static EpochCounter Load(string directory)
    {
        string path = Path.Combine(directory, "epoch");
        if (!File.Exists(path))
        {
            PrivateFile.CreateDirectory(directory);
            return new EpochCounter(path, 0);
        }

        string text = File.ReadAllText(path).Trim();
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong last)
            ? new EpochCounter(path, last)
            : throw new IdentityException($"{path} holds no number; remove it: the parent tells the right one");
    }

    /// <summary>The next number, greater than any before and than <paramref name="above"/>.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public ulong Next(ulong above)
    {
        lock (gate)
        {
            ulong next = Math.Max(last, above) + 1;
            if (next > reserved)
            {
                ulong upTo = next + Block;
                PrivateFile.Write(path!, Encoding.ASCII.GetBytes(upTo.ToString(CultureInfo.InvariantCulture)));
                reserved = upTo;
            }

            return last = next;
        }
    }
}
