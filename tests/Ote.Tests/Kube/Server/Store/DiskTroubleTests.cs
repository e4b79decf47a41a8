using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Kube.Server.Store;

/// <summary>A disk that is full or read-only: what could not be stored is nowhere to be seen, and what is stored is served on.</summary>
public sealed class DiskTroubleTests : IDisposable
{
    private readonly Meter _meter = new("trouble");
    private readonly FakeTimeProvider _time = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("ote-trouble-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string File => Path.Combine(_directory, "objects.db");

    public void Dispose()
    {
        _meter.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task FullDisk_RefusesWhatIsWritten_ShowsNothingOfIt_AndTakesWritesAgainWhenThereIsRoom()
    {
        await using (var store = Open(out var database))
        {
            var kept = await store.WriteAsync(Put("kept", "v"));
            using var watch = store.Changes.Subscribe("/things", 10);
            database.Writer.Execute("PRAGMA max_page_count=1"); // as many as there are

            // Together, so that one transaction holds what would fit and what does not.
            var refused = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Assert.ThrowsAsync<StoreFailedException>(() => store.WriteAsync(Put($"lost{i}", new string('x', 100_000))))));

            Assert.All(refused, one => Assert.Equal(StoreTrouble.Full, one.Trouble));
            Assert.Equal($"The database {File} cannot be written: no room is left for it. Nothing of this was stored; make room on its disk, no restart is needed.", refused[0].Message);
            Assert.Equal(kept.Revision, store.Revision);
            Assert.True(watch.IsEmpty);
            Assert.Equal(["kept"], await NamesAsync(store));
            Assert.Equal(kept.Json, (await store.FindAsync(Key("kept"), Token))!.Json);

            database.Writer.Execute("PRAGMA max_page_count=1000000");
            var next = await store.WriteAsync(Put("next", new string('x', 100_000)));
            Assert.Equal(kept.Revision + 1, next.Revision);
            Assert.Null(await store.TroubleAsync());
        }

        await using var again = Open(out _);
        Assert.Equal(["kept", "next"], await NamesAsync(again));
    }

    [Fact]
    public async Task ReadOnlyDisk_IsTold_AndWhoOnlyAsksHearsWhenItIsOver()
    {
        await using var store = Open(out var database);
        await store.WriteAsync(Put("kept", "v"));
        Assert.Null(await store.TroubleAsync());
        database.Writer.Execute("PRAGMA query_only=ON");

        var refused = await Assert.ThrowsAsync<StoreFailedException>(() => store.WriteAsync(Put("lost", "v")));
        Assert.Equal(StoreTrouble.ReadOnly, refused.Trouble);
        Assert.Equal($"The database {File} cannot be written: it is read-only here. Nothing of this was stored; make its disk and folder writable, no restart is needed.", refused.Message);
        Assert.Equal(StoreTrouble.ReadOnly, (await store.TroubleAsync())?.Trouble);
        Assert.Equal(["kept"], await NamesAsync(store));

        database.Writer.Execute("PRAGMA query_only=OFF");
        Assert.NotNull(await store.TroubleAsync()); // tried less than a second ago
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await store.TroubleAsync());
        Assert.Equal(WriteOutcome.Committed, (await store.WriteAsync(Put("next", "v"))).Outcome);
    }

    [Fact]
    public async Task Failures_AreCountedByCause_AndTheGaugeSaysWhetherTheyLast()
    {
        List<string> causes = [];
        long troubled = -1;
        using var listener = new MeterListener { InstrumentPublished = (instrument, l) => { if (ReferenceEquals(instrument.Meter, _meter)) { l.EnableMeasurementEvents(instrument); } } };
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) =>
        {
            if (instrument.Name == "ote.kube.server.store.failures")
            {
                causes.Add($"{tags[0].Value}");
            }
        });
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => troubled = instrument.Name == "ote.kube.server.store.troubled" ? value : troubled);
        listener.Start();
        await using var store = Open(out var database);
        database.Writer.Execute("PRAGMA query_only=ON");
        await Assert.ThrowsAsync<StoreFailedException>(() => store.WriteAsync(Put("lost", "v")));
        listener.RecordObservableInstruments();
        Assert.Equal(["read-only"], causes);
        Assert.Equal(1, troubled);

        database.Writer.Execute("PRAGMA query_only=OFF");
        await store.WriteAsync(Put("next", "v"));
        listener.RecordObservableInstruments();
        Assert.Equal(0, troubled);
    }

    private static StoreKey Key(string name) => new("/things", "ns", name);

    private static StoreWrite Put(string name, string value) => new()
    {
        Key = Key(name), Expected = 0, Value = EncodedObject.From(new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["value"] = value }),
    };

    private static async Task<IEnumerable<string>> NamesAsync(ObjectStore store) =>
        (await store.ListAsync(new PageQuery("/things", null, store.Revision, "", "", 100), Token)).Rows.Select(row => row.Key.Name);

    private ObjectStore Open(out Database database)
    {
        var options = new StoreOptions { Directory = _directory };
        database = new Database(options);
        return new ObjectStore(options, database, new StoreMetrics(_meter), _time, NullLogger.Instance);
    }
}
