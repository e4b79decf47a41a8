using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;

namespace Ote.Cluster.Backup;

/// <summary>The root controller's own files in its data directory, as a backup has them: who it is, and what it must not forget.</summary>
public static class RootFiles
{
    /// <summary>The journal's file.</summary>
    public const string Journal = "journal.db";

    /// <summary>The number no beat has reached yet; see <see cref="EpochCounter"/>.</summary>
    public const string Beats = "identity/epoch";

    /// <summary>Files that are copied as they are; of the CAs as many as there are while one is exchanged (<see cref="RootAuthorities"/>).</summary>
    /// <param name="folder">The root's data directory, or a copy of it.</param>
    public static IReadOnlyList<string> Identity(string folder)
    {
        var identity = Path.Combine(folder, "identity");
        string[] places = ["identity", .. Directory.EnumerateDirectories(identity, "ca-*").Select(d => $"identity/{Path.GetFileName(d)}").Order(StringComparer.Ordinal)];
        return
        [
            "identity/uid", Beats,
            .. places.SelectMany(static p => (string[])[$"{p}/ca.crt", $"{p}/ca.key"]).Append($"identity/{RootAuthorities.FileName}").Where(f => File.Exists(Path.Combine(folder, f))),
        ];
    }

    /// <summary>Copies them while the root works, and tells who it is.</summary>
    /// <param name="data">The root's data directory.</param>
    /// <param name="folder">An empty private folder.</param>
    /// <exception cref="IOException">One could not be copied; the message says which and why.</exception>
    public static (string Uid, string CaPin) Take(string data, string folder)
    {
        PrivateFile.CreateDirectory(Path.Combine(folder, "identity"));
        foreach (var name in Identity(data))
        {
            PrivateFile.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, name))!);
            PrivateFile.Write(Path.Combine(folder, name), File.ReadAllBytes(Path.Combine(data, name)));
        }

        JournalCopy.Take(Path.Combine(data, Journal), Path.Combine(folder, Journal));
        return Read(folder);
    }

    /// <summary>Checks them, and tells who the root is.</summary>
    /// <exception cref="IOException">One is damaged or missing.</exception>
    /// <exception cref="IdentityException">The CA is of no use.</exception>
    public static (string Uid, string CaPin) Check(string folder)
    {
        JournalCopy.Check(Path.Combine(folder, Journal));
        return Read(folder);
    }

    /// <summary>
    /// Makes them safe to go on from. Beats become greater than any the former root can have told since: a root counts far slower than
    /// milliseconds pass, whether it began with small numbers or was restored itself.
    /// </summary>
    /// <param name="folder">Where they are; no controller uses them.</param>
    /// <param name="now">After any time at which the former root ran.</param>
    /// <param name="commands">Uid and generation of each command in the backup.</param>
    /// <exception cref="IOException">One could not be written.</exception>
    /// <exception cref="IdentityException">The count of beats is no number.</exception>
    public static void Renew(string folder, DateTimeOffset now, IEnumerable<(string Uid, ulong Generation)> commands)
    {
        var path = Path.Combine(folder, Beats);
        var text = File.ReadAllText(path).Trim();
        if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var beats))
        {
            throw new IdentityException($"{path} holds no number; take another backup");
        }

        PrivateFile.Write(path, Encoding.ASCII.GetBytes(Math.Max(beats, (ulong)now.ToUnixTimeMilliseconds()).ToString(CultureInfo.InvariantCulture)));
        JournalCopy.Renew(Path.Combine(folder, Journal), commands);
    }

    private static (string Uid, string CaPin) Read(string folder)
    {
        try
        {
            var identity = Path.Combine(folder, "identity");
            using var authorities = RootAuthorities.Load(identity, TimeProvider.System);
            return (File.ReadAllText(Path.Combine(identity, "uid")).Trim(), authorities.Active.Pin.ToString());
        }
        catch (CryptographicException broken)
        {
            throw new IdentityException($"the CA in {folder} is of no use: {broken.Message}", broken);
        }
    }
}
