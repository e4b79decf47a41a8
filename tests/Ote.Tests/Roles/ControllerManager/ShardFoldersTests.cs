using Ote.Mirror.Applying;
using Ote.Roles.ControllerManager;

namespace Ote.Tests.Roles.ControllerManager;

/// <summary>Where a controller manager keeps the mirrors of its shards.</summary>
public sealed class ShardFoldersTests : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("ote-folders");

    public void Dispose() => _data.Delete(recursive: true);

    [Fact]
    public void A_restarted_one_is_the_same_member_and_finds_what_it_had()
    {
        var first = new ShardFolders(_data.FullName, 8);
        var mirror = Directory.CreateDirectory(first.Of(3, new MirrorOptions()).Directory!);
        var again = new ShardFolders(_data.FullName, 8);
        Assert.Equal(first.Member, again.Member);
        Assert.True(Guid.TryParseExact(first.Member, "N", out _));
        Assert.Equal(mirror.FullName, again.Of(3, new MirrorOptions()).Directory);
        Assert.True(mirror.Exists);
    }

    [Fact]
    public void What_another_division_left_and_one_mirror_for_all_is_removed()
    {
        var former = Directory.CreateDirectory(new ShardFolders(_data.FullName, 4).Of(3, new MirrorOptions()).Directory!);
        var single = Path.Combine(_data.FullName, "mirror", "mirror.db");
        File.WriteAllText(single, "of all");
        _ = new ShardFolders(_data.FullName, 8);
        former.Refresh();
        Assert.False(former.Exists);
        Assert.False(File.Exists(single));
    }

    [Fact]
    public void Former_states_and_memory_are_divided_evenly()
    {
        var all = new MirrorOptions { HistoryBytes = 80_000_000, CacheKiB = 64 * 1024 };
        var one = new ShardFolders(_data.FullName, 8).Of(0, all);
        Assert.Equal((10_000_000, 8 * 1024), (one.HistoryBytes, one.CacheKiB));
    }
}
