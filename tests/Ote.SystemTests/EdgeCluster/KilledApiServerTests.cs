using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;
using Ote.SystemTests.Kubernetes;
using Ote.Testing;

namespace Ote.SystemTests.EdgeCluster;

/// <summary>
/// The API server of an edge cluster is killed at random moments while many write to it and some watch. <c>OTE_CRASH_ROUNDS</c> says how often
/// (default 10).
/// </summary>
public sealed class KilledApiServerTests : IAsyncDisposable
{
    private const int Writers = 12;
    private const int ObjectsOfAWriter = 20;
    private const int Watchers = 4;

    // Half of the changes that an edge cluster keeps: a watcher that falls further behind than those has to list again, by right.
    private const int Behind = 500;
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new("killed");
    private readonly ConcurrentDictionary<string, (long Version, long Value)> _acknowledged = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<long> _versions = [];
    private ProductProcess? _process;
    private readonly Lock _known = new();
    private long _newest; // of what was acknowledged

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_write_that_was_acknowledged_is_there_after_kills_at_random_and_no_watcher_has_missed_one()
    {
        int rounds = int.Parse(Environment.GetEnvironmentVariable("OTE_CRASH_ROUNDS") ?? "10", CultureInfo.InvariantCulture);
        Random random = new(20);
        _process = new ProductProcess("killed", "ote", ["edge-cluster", "--name", "killed", "--data", _scratch["data"], "--nodes", "1"], _scratch.Path);
        await _process.StartAsync();
        await _process.WaitForLineAsync("ready: edge cluster", s_soon, Ct);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        Seen[] seen = [.. Enumerable.Range(0, Watchers).Select(_ => new Seen())];
        Task[] watching = [.. seen.Select(s => new Reflector(Client(), Kinds.ConfigMaps, "default", null, s, TimeProvider.System, () => 0.1, s).RunAsync(stop.Token))];
        foreach (Seen one in seen)
            await UntilAsync(() => one.Lists > 0, "the first list");
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        Task[] writing = [.. Enumerable.Range(0, Writers).Select(i => WriteAsync(i, seen, enough.Token))];

        for (int round = 0; round < rounds; round++)
        {
            int before = _acknowledged.IsEmpty ? 0 : (int)_acknowledged.Values.Sum(a => a.Value);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(20, 400)), TimeProvider.System, Ct);
            await _process.KillAsync();
            await _process.StartAsync();
            await _process.WaitForLineAsync("ready: edge cluster", s_soon, Ct);
            await UntilAsync(() => _acknowledged.Values.Sum(a => a.Value) > before, $"writes to go on in round {round}");
        }

        await enough.CancelAsync();
        await Task.WhenAll(writing);
        using KubeClient client = Client();
        Dictionary<string, JsonObject> stored = (await client.ListAsync(Kinds.ConfigMaps, "default", new ListQuery("from=writer"), Ct)).Items.ToDictionary(o => o.Name(), StringComparer.Ordinal);
        foreach ((string name, (long version, long value)) in _acknowledged)
        {
            Assert.True(stored.TryGetValue(name, out JsonObject? now), $"{name} was acknowledged and is not there");
            // A write whose answer the kill swallowed may have been carried out as well.
            Assert.True(ValueOf(now) >= value, $"{name} has {ValueOf(now)}, and {value} was acknowledged as version {version}");
        }

        foreach (Seen one in seen)
        {
            await UntilAsync(() => stored.All(s => one.Current.TryGetValue(s.Key, out JsonObject? known) && known.ResourceVersion() == s.Value.ResourceVersion()), "a watcher to have what is stored");
            Assert.Empty(one.Faults);
            Assert.True(one.Lists == 1, $"a watcher listed {one.Lists} times: {string.Join("; ", one.Expiries)}");
            Assert.DoesNotContain(_versions, v => !one.Versions.ContainsKey(v));
        }

        await stop.CancelAsync();
        await Task.WhenAll(watching.Select(w => w.ContinueWith(_ => { }, TaskScheduler.Default)));
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        _scratch.Dispose();
    }

    private static long ValueOf(JsonObject map) => long.Parse(map.Text("data", "n") ?? "0", CultureInfo.InvariantCulture);

    private static Task UntilAsync(Func<bool> condition, string what) => Eventually.HoldsAsync(condition, what, s_soon, Ct);

    private KubeClient Client() => new(Kubeconfig.Load(Path.Combine(_scratch["data"], "kubeconfig")).CreateHttpClient(TimeProvider.System));

    /// <summary>
    /// Creates and changes objects of its own, each write once more than the one before; what is not answered is looked at again. Waits for a watcher
    /// that takes its time to come back after a kill.
    /// </summary>
    private async Task WriteAsync(int writer, Seen[] seen, CancellationToken enough)
    {
        using KubeClient client = Client();
        for (long n = 1; !enough.IsCancellationRequested; n++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"w{writer}-{n % ObjectsOfAWriter}");
            try
            {
                while (Newest() - seen.Min(one => one.Newest) > Behind)
                    await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, enough);
                JsonObject? known = await client.GetAsync(Kinds.ConfigMaps, "default", name, enough);
                JsonObject written = known is null
                    ? await client.CreateAsync(Kinds.ConfigMaps, "default", Map(name, n), enough)
                    : await client.PatchAsync(Kinds.ConfigMaps, "default", name, PatchKind.Merge, new JsonObject { ["data"] = new JsonObject { ["n"] = $"{n}" } }, enough);
                long version = long.Parse(written.ResourceVersion(), CultureInfo.InvariantCulture);
                _acknowledged[name] = (version, n);
                _versions.Add(version);
                lock (_known)
                    _newest = Math.Max(_newest, version);
            }
            catch (Exception cut) when (cut is HttpRequestException or IOException || (cut is OperationCanceledException && !enough.IsCancellationRequested))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private long Newest()
    {
        lock (_known)
            return _newest;
    }

    private static JsonObject Map(string name, long n) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["from"] = "writer" } }, ["data"] = new JsonObject { ["n"] = $"{n}" },
    };

    /// <summary>What one watcher knows. Versions of an object only grow, and its values with them: a gap or a step back is a fault.</summary>
    private sealed class Seen : IReflectorTarget, ILogger
    {
        /// <summary>What the server said when it knew a watcher's version no more.</summary>
        public ConcurrentBag<string> Expiries { get; } = [];

        public ConcurrentDictionary<string, JsonObject> Current { get; } = new(StringComparer.Ordinal);

        public ConcurrentBag<string> Faults { get; } = [];

        /// <summary>Every version of an object that came by, since the first list.</summary>
        public ConcurrentDictionary<long, bool> Versions { get; } = [];

        public int Lists { get; private set; }

        /// <summary>The newest version that came by.</summary>
        public long Newest { get; private set; }

        public void Replace(IReadOnlyList<JsonObject> items)
        {
            Lists++;
            foreach (JsonObject item in items)
                Take(item);
        }

        public void Upsert(JsonObject obj) => Take(obj);

        public void Remove(JsonObject obj) => Faults.Add($"{obj.Name()} was deleted, which nobody did");

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == "WatchExpired")
                Expiries.Add($"{formatter(state, exception)} at {Newest}");
        }

        private void Take(JsonObject item)
        {
            if (item.Labels()?["from"] is null)
                return;
            if (Current.TryGetValue(item.Name(), out JsonObject? known) && (Version(known) > Version(item) || ValueOf(known) > ValueOf(item)))
                Faults.Add($"{item.Name()}: version {known.ResourceVersion()} with {ValueOf(known)} came before {item.ResourceVersion()} with {ValueOf(item)}");
            Current[item.Name()] = item;
            Newest = Math.Max(Newest, Version(item));
            Versions[Version(item)] = true;
        }

        private static long Version(JsonObject obj) => long.Parse(obj.ResourceVersion(), CultureInfo.InvariantCulture);
    }
}
