using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Kube.Server.Store;

/// <summary>The store's promises, on a file and in memory alike.</summary>
public sealed class ObjectStoreTests : IDisposable
{
    private readonly Meter _meter = new("test");
    private readonly string _directory = Directory.CreateTempSubdirectory("ote-store-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _meter.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Write_OfOneKeyByMany_IsWonByOneEach(bool onDisk)
    {
        await using var store = Open(onDisk);
        var first = await store.WriteAsync(Put("a", 0, "0"));
        var racers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(() => store.WriteAsync(Put("a", first.Revision, $"{i}")), Token)));
        Assert.Single(racers, r => r.Outcome == WriteOutcome.Committed);
        var winner = racers.Single(r => r.Outcome == WriteOutcome.Committed);
        Assert.All(racers.Where(r => r.Outcome == WriteOutcome.Conflict), r => Assert.Equal(winner.Revision, r.Revision));
        Assert.Equal(winner.Json, (await store.FindAsync(Key("a"), Token))!.Json);
    }

    [Fact]
    public async Task Write_WhoseListenerFails_IsDoneAllTheSame_AndSoAreTheNext()
    {
        await using var store = Open(onDisk: false);
        List<string> heard = [];
        store.Changes.Listen(_ => throw new InvalidOperationException("a fault of the listener's"));
        store.Changes.Listen(change => heard.Add(change.Key.Name));
        Assert.Equal(WriteOutcome.Committed, (await store.WriteAsync(Put("a", 0, "0")).WaitAsync(TimeSpan.FromSeconds(30), Token)).Outcome);
        Assert.Equal(WriteOutcome.Committed, (await store.WriteAsync(Put("b", 0, "0")).WaitAsync(TimeSpan.FromSeconds(30), Token)).Outcome);
        Assert.Equal(["a", "b"], heard);
        Assert.Equal(2, store.Revision);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Write_CarriesItsRevisionInTheObject(bool onDisk)
    {
        await using var store = Open(onDisk);
        for (var i = 0; i < 12; i++)
        {
            var written = await store.WriteAsync(Put($"k{i}", 0, "v"));
            Assert.Equal($"{written.Revision}", (string?)JsonNode.Parse(written.Json)!["metadata"]!["resourceVersion"]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Writers_WhoWaitForACommit_ShareTheNext(bool onDisk)
    {
        List<int> commits = [];
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var queued = new ManualResetEventSlim();
        using var listener = new MeterListener { InstrumentPublished = (instrument, l) => { if (ReferenceEquals(instrument.Meter, _meter)) { l.EnableMeasurementEvents(instrument); } } };
        listener.SetMeasurementEventCallback<int>((_, writes, _, _) =>
        {
            commits.Add(writes);
            reached.TrySetResult();
            queued.Wait(TimeSpan.FromSeconds(30), Token);
        });
        listener.Start();
        await using var store = Open(onDisk);
        var first = store.WriteAsync(Put("first", 0, "v"));
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        var others = Enumerable.Range(0, 1000).Select(i => store.WriteAsync(Put($"k{i}", 0, "v"))).ToList();
        queued.Set();
        await Task.WhenAll([first, .. others]);
        var shared = new StoreOptions().BatchWrites;
        Assert.Equal([1, .. Enumerable.Range(0, 1000).Chunk(shared).Select(chunk => chunk.Length)], commits);
        Assert.Equal(1001, store.Revision);
    }

    [Fact]
    public async Task Rows_AreTheObjectsThereAre_AlsoAfterARestart()
    {
        await using (var before = Open(onDisk: true))
        {
            await before.WriteAsync(Put("a", 0, "v"));
            await before.WriteAsync(Put("b", 0, "v"));
        }

        using var meter = new Meter("rows");
        await using var store = new ObjectStore(new StoreOptions { Directory = _directory }, new StoreMetrics(meter), TimeProvider.System, NullLogger.Instance);
        var last = await store.WriteAsync(Put("c", 0, "v"));
        await store.WriteAsync(Put("c", last.Revision, "w"));
        long rows = 0;
        using var listener = new MeterListener { InstrumentPublished = (instrument, l) => { if (ReferenceEquals(instrument.Meter, meter)) { l.EnableMeasurementEvents(instrument); } } };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => rows = value);
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal(3, rows);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pages_AreOfOneMoment_WhateverIsWrittenBetweenThem(bool onDisk)
    {
        await using var store = Open(onDisk);
        for (var i = 0; i < 30; i++)
        {
            await store.WriteAsync(Put($"k{i:00}", 0, "old"));
        }

        var query = new PageQuery("/things", null, store.Revision, "", "", 7);
        var seen = new List<string>();
        while (true)
        {
            var page = await store.ListAsync(query, Token);
            Assert.All(page.Rows, row => Assert.Equal("old", Value(row.Json)));
            seen.AddRange(page.Rows.Select(row => row.Key.Name));
            if (!page.More)
            {
                break;
            }

            query = query.After(page);
            foreach (var name in (string[])["k00", "k15", "k29"])
            {
                var now = await store.FindAsync(Key(name), Token);
                await store.WriteAsync(now is null ? Put(name, 0, "new") : Put(name, now.Revision, "new", delete: seen.Count == 14));
            }

            await store.WriteAsync(Put($"k{seen.Count}x", 0, "new"));
        }

        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"k{i:00}"), seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Compaction_KeepsWhatIsCurrent_AndSaysWhatIsGone(bool onDisk)
    {
        await using var store = Open(onDisk, history: 20);
        var kept = await store.WriteAsync(Put("kept", 0, "v"));
        var at = (await store.WriteAsync(Put("busy", 0, "0"))).Revision;
        for (var i = 0; i < 200; i++)
        {
            at = (await store.WriteAsync(Put("busy", at, $"{i}"))).Revision;
        }

        Assert.InRange(store.Compacted, at - 25, at - 20);
        Assert.Equal(kept.Json, (await store.FindAsync(Key("kept"), Token))!.Json);
        await Assert.ThrowsAsync<RevisionExpiredException>(async () => await store.ChangesAsync("/things", kept.Revision, at, 10, Token));
        await Assert.ThrowsAsync<RevisionExpiredException>(async () => await store.ListAsync(new PageQuery("/things", null, kept.Revision, "", "", 10), Token));
        // What is still watchable knows its predecessors, the oldest included.
        var changes = (await store.ChangesAsync("/things", store.Compacted, at, 100, Token)).Rows;
        Assert.Equal(at - store.Compacted, changes.Count);
        Assert.All(changes, change => Assert.NotNull(change.Previous));
        Assert.Equal(2, (await store.ListAsync(new PageQuery("/things", null, at, "", "", 10), Token)).Rows.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Owners_AreFollowedThroughChanges(bool onDisk)
    {
        await using var store = Open(onDisk);
        var made = await store.WriteAsync(Put("a", 0, "v") with { Owners = ["u1", "u2"] });
        Assert.Equal([Key("a")], await store.OwnedByAsync("u1", 10, Token));
        var moved = await store.WriteAsync(Put("a", made.Revision, "v") with { Owners = ["u2"] });
        Assert.Empty(await store.OwnedByAsync("u1", 10, Token));
        await store.WriteAsync(Put("a", moved.Revision, "v", delete: true) with { Owners = [] });
        Assert.Empty(await store.OwnersAsync("", 10, Token));
    }

    [Fact]
    public async Task Reopened_HasEverythingAcknowledged_AndGoesOnCounting()
    {
        long last;
        await using (var store = Open(onDisk: true))
        {
            await Task.WhenAll(Enumerable.Range(0, 100).Select(i => store.WriteAsync(Put($"k{i}", 0, "v"))));
            last = (await store.WriteAsync(Put("k0", (await store.FindAsync(Key("k0"), Token))!.Revision, "gone", delete: true))).Revision;
        }

        await using var again = Open(onDisk: true);
        Assert.Equal(last, again.Revision);
        Assert.Equal(99, (await again.ListAsync(new PageQuery("/things", null, last, "", "", 1000), Token)).Rows.Count);
        Assert.Equal(last + 1, (await again.WriteAsync(Put("k0", 0, "back"))).Revision);
    }

    [Fact]
    public async Task CopyTakenUnderLoad_OpensWithEveryWriteAcknowledgedBefore()
    {
        var copy = Directory.CreateTempSubdirectory("ote-copy-").FullName;
        try
        {
            var acknowledged = new List<(string Name, long Revision)>();
            List<(string Name, long Revision)> before;
            await using (var store = Open(onDisk: true))
            {
                var load = Enumerable.Range(0, 4).Select(w => Task.Run(
                    async () =>
                    {
                        for (var i = 0; i < 40; i++)
                        {
                            var written = await store.WriteAsync(Put($"w{w}-{i}", 0, "v"));
                            lock (acknowledged)
                            {
                                acknowledged.Add(($"w{w}-{i}", written.Revision));
                            }
                        }
                    },
                    Token)).ToList();
                await Task.WhenAny(load);
                lock (acknowledged)
                {
                    before = [.. acknowledged];
                }

                // Few enough writes that the log is not folded into the file between the two copies. The disk as a killed process leaves it: the file, and the log that was not yet folded into it.
                foreach (var file in (string[])["objects.db-wal", "objects.db"])
                {
                    await using var from = new FileStream(Path.Combine(_directory, file), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                    await using var to = File.Create(Path.Combine(copy, file));
                    await from.CopyToAsync(to, Token);
                }

                await Task.WhenAll(load);
            }

            await using var revived = new ObjectStore(new StoreOptions { Directory = copy }, new StoreMetrics(_meter), TimeProvider.System, NullLogger.Instance);
            foreach (var (name, revision) in before)
            {
                Assert.Equal(revision, (await revived.FindAsync(Key(name), Token))?.Revision);
            }
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    [Fact]
    public async Task Files_AreTheOwnersAlone_AlsoOnesThatWereWider()
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        foreach (var name in new[] { "lock", "objects.db" })
        {
            var path = Path.Combine(_directory, name);
            await File.WriteAllBytesAsync(path, [], TestContext.Current.CancellationToken);
            File.SetUnixFileMode(path, Owner | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        await using var store = Open(onDisk: true);
        Assert.True(Directory.GetFiles(_directory).Length >= 3);
        Assert.All(Directory.GetFiles(_directory), file => Assert.Equal((file, Owner), (file, File.GetUnixFileMode(file))));
    }

    [Fact]
    public async Task Directory_InUse_IsRefusedByName()
    {
        await using var store = Open(onDisk: true);
        var refused = Assert.Throws<StoreFailedException>(() => Open(onDisk: true));
        Assert.Contains(_directory, refused.Message, StringComparison.Ordinal);
        Assert.Contains("end the server that uses it", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_ThatIsNoDatabase_IsRefusedWithAWayOut()
    {
        File.WriteAllText(Path.Combine(_directory, "objects.db"), new string('x', 10_000));
        var refused = Assert.Throws<StoreFailedException>(() => Open(onDisk: true));
        Assert.Contains("Restore a backup", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compaction_BeginsEarlier_WhereFewChangesKeepMuch_AndGoesOnSoAfterARestart()
    {
        const int Size = 100_000, Limit = 1_000_000;
        long at = 0;
        byte[]? before = null;
        for (var start = 0; start < 2; start++)
        {
            await using var store = Open(onDisk: true, bytes: Limit);
            for (var i = 0; i < 50; i++)
            {
                var written = await store.WriteAsync(Put("large", at, new string('x', Size)) with { Previous = before });
                (at, before) = (written.Revision, written.Json);
                Assert.InRange(at - store.Compacted, 0, (Limit / Size) + 1);
            }

            Assert.True(at - store.Compacted >= (Limit / Size) - 3, $"only {at - store.Compacted} changes are kept, where there is room for {Limit / Size}");
            Assert.All((await store.ChangesAsync("/things", store.Compacted, at, 100, Token)).Rows, change => Assert.NotNull(change.Previous));
        }

        // The first write of the second start would have found room, had it not known of what the first start left.
        await using var third = Open(onDisk: true, bytes: Limit);
        var deleted = await third.WriteAsync(Put("large", at, "", delete: true) with { Previous = before });
        Assert.InRange(deleted.Revision - third.Compacted, 0, (Limit / Size) + 1);
    }

    [Fact]
    public async Task Compaction_LeavesTheHistoryOfObjectsThatReplaceNothing()
    {
        await using var store = Open(onDisk: false, bytes: 1_000_000);
        for (var i = 0; i < 50; i++)
        {
            await store.WriteAsync(Put($"k{i}", 0, new string('x', 100_000)));
        }

        Assert.Equal(0, store.Compacted);
    }

    private static StoreKey Key(string name) => new("/things", "ns", name);

    private static string? Value(byte[] json) => (string?)JsonNode.Parse(json)!["value"];

    private static StoreWrite Put(string name, long expected, string value, bool delete = false) => new()
    {
        Key = Key(name),
        Expected = expected,
        Delete = delete,
        Value = EncodedObject.From(new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["value"] = value }),
    };

    private ObjectStore Open(bool onDisk, int history = 10_000, long bytes = 256 * 1024 * 1024) =>
        new(new StoreOptions { Directory = onDisk ? _directory : null, HistoryKept = history, HistoryBytes = bytes }, new StoreMetrics(_meter), TimeProvider.System, NullLogger.Instance);
}
