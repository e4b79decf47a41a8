using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub.Cache;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.Cache;

/// <summary>What a hub that died left behind: its newest changes lie in the log beside the file.</summary>
public sealed class WriteAheadLogTests : IDisposable
{
    private const int FrameBytes = 24 + 4096;
    private const int Written = 8;
    private readonly Scratch _folder = new("wal");

    public WriteAheadLogTests()
    {
        var database = NodeDatabase.Open(_folder["lives"], "n1", NullLogger.Instance);
        using NodeCache cache = new(database, null, long.MaxValue, TimeProvider.System, NullLogger.Instance);
        cache.Take(new CacheQuery("", "v1", "pods", null, null));
        for (var i = 0; i < Written; i++)
        {
            var group = $"g{i}";
            database.Write(session => session.Prepare("INSERT INTO kinds VALUES ($1,'v1','things','Thing',0)", group).ExecuteNonQuery());
        }

        Directory.CreateDirectory(Died, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var file in (string[])["node.db", "node.db-wal", "node.key"])
        {
            File.Copy(Path.Combine(_folder["lives"], file), Path.Combine(Died, file));
        }
    }

    private string Died => _folder["died"];

    private string Log => Path.Combine(Died, "node.db-wal");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_that_is_whole_is_taken() => Assert.Equal((false, Written), (WriteAheadLog.IsDamaged(Log), Kept()));

    [Fact]
    public void One_whose_last_transaction_a_power_failure_spoiled_is_taken_without_it()
    {
        Damage((int)new FileInfo(Log).Length - 100);
        Assert.Equal((false, Written - 1), (WriteAheadLog.IsDamaged(Log), Kept()));
    }

    [Fact]
    public void One_that_was_cut_off_within_a_frame_is_taken_up_to_there()
    {
        using (var log = new FileStream(Log, FileMode.Open))
        {
            log.SetLength(log.Length - 100);
        }

        Assert.Equal((false, Written - 1), (WriteAheadLog.IsDamaged(Log), Kept()));
    }

    [Theory]
    [InlineData(4, "its header")]
    [InlineData(32 + FrameBytes + 8, "a frame's salt")]
    [InlineData(32 + FrameBytes + 18, "a frame's checksum")]
    [InlineData(32 + FrameBytes + 500, "a frame's page")]
    public void One_that_is_damaged_at_its_beginning_is_told_of_though_nothing_is_left(int at, string what)
    {
        Damage(at);
        Assert.True(WriteAheadLog.IsDamaged(Log), what);
        Lines log = new();
        using var database = NodeDatabase.Open(Died, "n1", log);
        Assert.Equal(7034, Assert.Single(log.Told).Id);
    }

    [Fact]
    public void Of_one_that_is_damaged_what_lies_before_is_taken_and_no_version_counts_any_more()
    {
        Damage((int)new FileInfo(Log).Length - (4 * FrameBytes) + 500);
        Lines log = new();
        var database = NodeDatabase.Open(Died, "n1", log);
        using NodeCache cache = new(database, null, long.MaxValue, TimeProvider.System, log);
        Assert.Equal(7034, Assert.Single(log.Told).Id);
        Assert.True(Assert.Single(cache.Scopes).IsDoubtful);
        Assert.Equal(Written - 4, database.Read(session => session.Scalar("SELECT COUNT(*) FROM kinds")));
    }

    /// <summary>After a checkpoint the log is written from its beginning again, over what was there.</summary>
    [Fact]
    public void One_that_was_begun_anew_is_taken_whatever_of_before_lies_behind()
    {
        using (var database = NodeDatabase.Open(Died, "n1", NullLogger.Instance))
        {
            for (var i = 0; i < 3; i++)
            {
                database.Write(session => session.Prepare("DELETE FROM kinds WHERE grp='g0'").ExecuteNonQuery());
            }

            database.Read(session => { session.Execute("PRAGMA wal_checkpoint(RESTART)"); return 0; });
            database.Write(session => session.Prepare("DELETE FROM kinds WHERE grp='g1'").ExecuteNonQuery());
            File.Copy(Log, _folder["anew"]);
        }

        Assert.False(WriteAheadLog.IsDamaged(_folder["anew"]));
        Damage(_folder["anew"], 32 + 100); // its one change
        Assert.False(WriteAheadLog.IsDamaged(_folder["anew"]));
    }

    private int Kept()
    {
        using var database = NodeDatabase.Open(Died, "n1", NullLogger.Instance);
        return (int)database.Read(session => session.Scalar("SELECT COUNT(*) FROM kinds"));
    }

    private void Damage(int at) => Damage(Log, at);

    private static void Damage(string file, int at)
    {
        using var log = new FileStream(file, FileMode.Open);
        log.Position = at;
        log.WriteByte(0xa5);
        log.WriteByte(0x5a);
    }
}
