using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Kube.Server.Store;

/// <summary>How much is read at once, and in what order.</summary>
public sealed class PieceTests : IDisposable
{
    private readonly Meter _meter = new("pieces");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _meter.Dispose();

    [Fact]
    public async Task Large_objects_come_in_pieces_that_end_with_the_one_that_fills_a_mebibyte()
    {
        await using var store = Open();
        for (var i = 0; i < 10; i++)
        {
            await store.WriteAsync(Put($"k{i}", 0, 400_000));
        }

        var (counts, names) = await ReadAsync(store, store.Revision);
        Assert.Equal([3, 3, 3, 1], counts);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"k{i}"), names);

        var changes = await store.ChangesAsync("/things", 0, store.Revision, 500, Token);
        Assert.Equal((3, true), (changes.Rows.Count, changes.More));
    }

    [Fact]
    public async Task Objects_replaced_since_count_like_any_other_and_keep_their_place()
    {
        await using var store = Open();
        for (var i = 0; i < 10; i++)
        {
            await store.WriteAsync(Put($"k{i}", 0, 400_000));
        }

        var then = store.Revision;
        for (var i = 0; i < 10; i += 3)
        {
            await store.WriteAsync(Put($"k{i}", i + 1, 10));
        }

        await store.WriteAsync(Put("k8", 9, 10) with { Delete = true });
        var (counts, names) = await ReadAsync(store, then);
        Assert.Equal([3, 3, 3, 1], counts);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"k{i}"), names);
    }

    [Fact]
    public void Keys_are_in_the_order_of_their_bytes()
    {
        string[] names = ["", "a", "aa", "a\u00e9", "a\u07ff", "a\ud7ff", "a\ue000", "a\uffff", "a\ud800\udc00", "a\udbff\udfff", "b", "\ud83d\ude00", "\uf8ff"];
        var keys = names.SelectMany(ns => names.Select(name => new StoreKey("/things", ns, name))).ToArray();
        foreach (var (one, other) in keys.SelectMany(one => keys.Select(other => (one, other))))
        {
            var order = Order(one.Namespace, other.Namespace) is var first && first == 0 ? Order(one.Name, other.Name) : first;
            Assert.True(one.IsBefore(other) == order < 0, $"{one} and {other}");
        }

        static int Order(string one, string other) => Encoding.UTF8.GetBytes(one).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(other));
    }

    private static async Task<(List<int> Counts, List<string> Names)> ReadAsync(ObjectStore store, long revision)
    {
        var query = new PageQuery("/things", null, revision, "", "", 500);
        var (counts, names) = (new List<int>(), new List<string>());
        while (true)
        {
            var piece = await store.ListAsync(query, Token);
            counts.Add(piece.Rows.Count);
            names.AddRange(piece.Rows.Select(row => row.Key.Name));
            Assert.All(piece.Rows, row => Assert.InRange(row.Json.Length, 400_000, 500_000));
            if (!piece.More)
            {
                return (counts, names);
            }

            query = query.After(piece);
        }
    }

    private static StoreWrite Put(string name, long expected, int size) => new()
    {
        Key = new StoreKey("/things", "ns", name),
        Expected = expected,
        Value = EncodedObject.From(new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["value"] = new string('x', size) }),
    };

    private ObjectStore Open() => new(new StoreOptions(), new StoreMetrics(_meter), TimeProvider.System, NullLogger.Instance);
}
