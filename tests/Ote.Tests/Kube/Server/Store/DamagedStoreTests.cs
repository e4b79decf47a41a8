using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Kube.Server.Store;

/// <summary>A file that is not as it was written: one line that says what was found, never another answer than what was stored, never a new database in its place.</summary>
public sealed class DamagedStoreTests : IDisposable
{
    private const int Objects = 400;
    private readonly Meter _meter = new("damage");
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-damage-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Data => Path.Combine(_folder, "data");

    private string File => Path.Combine(Data, "objects.db");

    public void Dispose()
    {
        _meter.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("header", "it is not a SQLite database")]
    [InlineData("text", "it is not a SQLite database")]
    [InlineData("page", "a page of it does not hold what was written")]
    [InlineData("half", "a page of it does not hold what was written")]
    [InlineData("empty", "it is empty, and a server has worked with it")]
    [InlineData("deleted", "it is missing, and a server has worked with it")]
    [InlineData("byte", "what is stored for /things/ns/k0200 at revision 201 is not what was written")]
    public async Task Database_DamagedWhileNoServerRan_IsRefused_AndLeftAsItIs(string how, string found)
    {
        await MakeAsync(killed: false);
        Damage(how);
        await RefusedAsync(found);
    }

    [Theory]
    [InlineData("log deleted", "is missing, and with it what was written last")]
    [InlineData("log emptied", "is missing, and with it what was written last")]
    [InlineData("log and index deleted", "its server was killed, and the log")]
    [InlineData("log cut", "frames, and there were")]
    [InlineData("log's middle", "has a damaged part at frame")]
    [InlineData("log's middle, after a power cut", "has a damaged part at frame")]
    [InlineData("log's header", "are not as they were written")]
    [InlineData("database emptied", "it is empty, and a server has worked with it")]
    [InlineData("database deleted, with the lock", "it is missing or empty, and its log")]
    public async Task Log_DamagedAfterAKill_IsRefused_AndLeftAsItIs(string how, string found)
    {
        await MakeAsync(killed: true);
        Damage(how);
        await RefusedAsync(found);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Log_WhoseLastTransactionWasCutOff_OpensWithAllThatWasAcknowledged(bool powerCut)
    {
        await MakeAsync(killed: true);
        await using (var log = new FileStream(File + "-wal", FileMode.Append))
        {
            // A frame of the same life, and half of one; none of them with the mark of a commit.
            var frame = new byte[4096 + 24];
            System.IO.File.ReadAllBytes(File + "-wal").AsSpan(16, 8).CopyTo(frame.AsSpan(8));
            frame[3] = 2;
            await log.WriteAsync(frame, Token);
            await log.WriteAsync(frame.AsMemory(0, 2000), Token);
        }

        if (powerCut)
        {
            System.IO.File.Delete(File + "-shm");
        }

        await using var store = Open();
        Assert.Equal(Objects, store.Revision);
        Assert.Equal(Objects, (await store.ListAsync(new PageQuery("/things", null, Objects, "", "", 1000), Token)).Rows.Count);
    }

    [Fact]
    public async Task Folder_CopiedWithoutItsLockFile_OrFromAKilledServerWhole_Opens()
    {
        await MakeAsync(killed: true);
        System.IO.File.Delete(Path.Combine(Data, "lock"));
        await using (var store = Open())
        {
            Assert.Equal(Objects, store.Revision);
        }

        await using var again = Open();
        Assert.Equal(Objects, again.Revision);
    }

    [Fact]
    public async Task Object_DamagedWhileTheServerRuns_IsTold_AndTheOthersAreServedOn()
    {
        await MakeAsync(killed: false);
        await using var store = Open();
        Damage("byte");

        var refused = await Assert.ThrowsAsync<StoreFailedException>(async () => await store.FindAsync(Key(200), Token));
        Assert.Equal(StoreTrouble.Damaged, refused.Trouble);
        Assert.StartsWith($"The database {File} is damaged: what is stored for /things/ns/k0200 at revision 201 is not what was written. Restore a backup", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<StoreFailedException>(async () => await store.ListAsync(new PageQuery("/things", null, Objects, "", "", 1000), Token));
        await Assert.ThrowsAsync<StoreFailedException>(async () => await store.ChangesAsync("/things", 199, Objects, 1000, Token));
        Assert.Equal("350", Value((await store.FindAsync(Key(350), Token))!.Json));
        Assert.Equal(WriteOutcome.Committed, (await store.WriteAsync(Put(Objects))).Outcome);
        // A write that succeeds mends no damage.
        Assert.Equal(StoreTrouble.Damaged, (await store.TroubleAsync())?.Trouble);
    }

    [Fact]
    public async Task Page_DamagedWhileTheServerRuns_IsTold()
    {
        await MakeAsync(killed: false);
        await using var store = Open();
        Damage("page");
        var refused = await Assert.ThrowsAsync<StoreFailedException>(async () => await store.ListAsync(new PageQuery("/things", null, Objects, "", "", 1000), Token));
        Assert.Equal(StoreTrouble.Damaged, refused.Trouble);
        Assert.Contains(File, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Backup_OfADamagedObject_IsOfNoUse()
    {
        await MakeAsync(killed: false);
        StoreCopy.Check(File);
        Damage("byte");
        var refused = Assert.Throws<IOException>(() => StoreCopy.Check(File));
        Assert.Equal($"The database {File} is of no use: it is damaged.", refused.Message);
    }

    [Fact]
    public async Task Database_OfBeforeRowsHadASum_IsReadAndWrittenOn()
    {
        await MakeAsync(killed: false);
        using (var session = Bare())
        {
            session.Execute("ALTER TABLE log DROP COLUMN sum");
        }

        await using (var store = Open())
        {
            Assert.Equal("7", Value((await store.FindAsync(Key(7), Token))!.Json));
            await store.WriteAsync(Put(Objects));
        }

        StoreCopy.Check(File);
        using var after = Bare();
        Assert.Equal(1, after.Scalar("SELECT count(*) FROM log WHERE sum IS NOT NULL"));
    }

    private static StoreKey Key(int i) => new("/things", "ns", $"k{i:0000}");

    private static string? Value(byte[] json) => (string?)JsonNode.Parse(json)!["value"];

    private static StoreWrite Put(int i) => new()
    {
        Key = Key(i), Expected = 0,
        Value = EncodedObject.From(new JsonObject { ["metadata"] = new JsonObject { ["name"] = $"k{i:0000}" }, ["value"] = $"{i}", ["text"] = $"<{i}>" + new string('x', 1000) }),
    };

    /// <summary>A store with objects, as one that ended, or one that was killed, leaves it.</summary>
    private async Task MakeAsync(bool killed)
    {
        await using var store = Open();
        for (var i = 0; i < Objects; i += 4)
        {
            await Task.WhenAll(Enumerable.Range(i, 4).Select(k => store.WriteAsync(Put(k))));
        }

        if (!killed)
        {
            return;
        }

        // Before it ends in order.
        var kept = Directory.CreateDirectory(Path.Combine(_folder, "kept")).FullName;
        foreach (var name in (string[])["objects.db", "objects.db-wal", "objects.db-shm"])
        {
            await using var from = new FileStream(Path.Combine(Data, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            await using var to = System.IO.File.Create(Path.Combine(kept, name));
            await from.CopyToAsync(to, Token);
        }

        await store.DisposeAsync();
        Directory.Delete(Data, recursive: true);
        Directory.Move(kept, Data);
        await System.IO.File.WriteAllTextAsync(Path.Combine(Data, "lock"), "open\n", Token);
    }

    private void Damage(string how)
    {
        var (log, index, locked) = (File + "-wal", File + "-shm", Path.Combine(Data, "lock"));
        switch (how)
        {
            case "header":
                Overwrite(File, 0, 100);
                break;
            case "text":
                System.IO.File.WriteAllText(File, "kind: ConfigMap\n");
                break;
            case "page":
                Overwrite(File, new FileInfo(File).Length / 4096 / 2 * 4096, 4096);
                break;
            case "half":
                Cut(File, new FileInfo(File).Length / 4096 / 2 * 4096);
                break;
            case "empty" or "database emptied":
                Cut(File, 0);
                break;
            case "deleted":
                System.IO.File.Delete(File);
                break;
            case "byte":
                Overwrite(File, System.IO.File.ReadAllBytes(File).AsSpan().IndexOf("<200>"u8) + 1, 1);
                break;
            case "log deleted":
                System.IO.File.Delete(log);
                break;
            case "log emptied":
                Cut(log, 0);
                break;
            case "log and index deleted":
                System.IO.File.Delete(log);
                System.IO.File.Delete(index);
                break;
            case "log cut":
                Cut(log, new FileInfo(log).Length / 2);
                break;
            case "log's middle":
                Overwrite(log, new FileInfo(log).Length / 2, 100);
                break;
            case "log's middle, after a power cut":
                Overwrite(log, new FileInfo(log).Length / 2, 100);
                System.IO.File.Delete(index);
                break;
            case "log's header":
                Overwrite(log, 8, 8);
                break;
            case "database deleted, with the lock":
                System.IO.File.Delete(File);
                System.IO.File.Delete(locked);
                break;
            default:
                throw new ArgumentException(how);
        }
    }

    private async Task RefusedAsync(string found)
    {
        var before = await FilesAsync();
        var refused = Assert.Throws<StoreFailedException>(Open);
        Assert.Equal(StoreTrouble.Damaged, refused.Trouble);
        Assert.Contains(File, refused.Message, StringComparison.Ordinal);
        Assert.Contains(found, refused.Message, StringComparison.Ordinal);
        Assert.Contains("Restore a backup", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Equal(before, await FilesAsync());
        // Asked again, it says the same: the refusal itself changed nothing that the answer depends on.
        Assert.Equal(refused.Message, Assert.Throws<StoreFailedException>(Open).Message);
    }

    private async Task<string> FilesAsync()
    {
        var text = new StringBuilder();
        foreach (var path in (string[])[File, File + "-wal"])
        {
            if (System.IO.File.Exists(path) && await System.IO.File.ReadAllBytesAsync(path, Token) is { Length: > 0 } bytes)
            {
                text.Append(path).Append(' ').AppendLine(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes)));
            }
        }

        return text.ToString();
    }

    private static void Overwrite(string path, long at, int count)
    {
        Assert.InRange(at, 0, new FileInfo(path).Length - count);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = at;
        file.Write(Enumerable.Repeat((byte)0xA5, count).ToArray());
    }

    private static void Cut(string path, long length)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(length);
    }

    private Session Bare()
    {
        var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        return new Session(connection, File);
    }

    private ObjectStore Open() => new(new StoreOptions { Directory = Data }, new StoreMetrics(_meter), TimeProvider.System, NullLogger.Instance);
}
