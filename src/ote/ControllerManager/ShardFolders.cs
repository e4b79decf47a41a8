using System.Globalization;
using Ote.Mirror.Applying;
using Ote.Roles.Hosting;

namespace Ote.Roles.ControllerManager;

/// <summary>Where a member keeps the mirror of each shard, and by what it is the same member after a restart.</summary>
internal sealed class ShardFolders
{
    private const long LeastHistory = 1024 * 1024;
    private const int LeastCacheKiB = 4 * 1024;
    private readonly string _mirrors;
    private readonly int _shards;

    /// <summary>Reads or makes them. What another division of the clusters left is removed: clusters tell all of it again.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="shards">Among how many shards clusters are divided.</param>
    /// <exception cref="RoleException">The directory cannot be used.</exception>
    public ShardFolders(string data, int shards)
    {
        (_mirrors, _shards) = (Path.Combine(data, "mirror"), shards);
        try
        {
            Directory.CreateDirectory(_mirrors, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Member = ReadMember(Path.Combine(data, "member"));
            var own = Enumerable.Range(0, shards).Select(Name).ToHashSet(StringComparer.Ordinal);
            foreach (var former in Directory.GetFiles(_mirrors))
            {
                File.Delete(former); // of one mirror for all clusters
            }

            foreach (var former in Directory.GetDirectories(_mirrors).Where(d => !own.Contains(Path.GetFileName(d))))
            {
                Directory.Delete(former, recursive: true);
            }
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            throw new RoleException($"--data: {data} cannot be used: {unusable.Message}");
        }
    }

    /// <summary>Of this directory: by it the same shards come back to who was restarted, and had them.</summary>
    public string Member { get; }

    /// <summary>How the mirror of a shard is kept: memory and former states are divided evenly.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="all">Of all of them.</param>
    public MirrorOptions Of(int shard, MirrorOptions all) => all with
    {
        Directory = Path.Combine(_mirrors, Name(shard)), HistoryBytes = Math.Max(LeastHistory, all.HistoryBytes / _shards), CacheKiB = Math.Max(LeastCacheKiB, all.CacheKiB / _shards),
    };

    private string Name(int shard) => string.Create(CultureInfo.InvariantCulture, $"{shard}-of-{_shards}");

    private static string ReadMember(string path)
    {
        if (File.Exists(path) && Guid.TryParseExact(File.ReadAllText(path).Trim(), "N", out var known))
        {
            return known.ToString("N");
        }

        var made = Guid.NewGuid().ToString("N");
        File.WriteAllText(path, made + "\n");
        return made;
    }
}
