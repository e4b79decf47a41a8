using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Split;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;
using Ote.Roles.ControllerManager;

namespace Ote.Tests.Roles.ControllerManager;

/// <summary>Members that divide shards, over an API server in memory, each by its own line to it; in virtual time.</summary>
public sealed class ShardKeeperTests : IAsyncLifetime
{
    private const int Shards = 6;
    private static readonly ElectionOptions Figures = new();
    private readonly FakeTimeProvider _time = new();
    private readonly List<One> _all = [];
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ote-shards");
    private ApiServer _server = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "api", Namespaces = ["ote-system"] }, NullLoggerFactory.Instance, TimeProvider.System, Ct);

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _all)
        {
            one.Line.IsCut = true;
            await one.Stop.CancelAsync();
        }

        await UntilAsync(() => _all.TrueForAll(o => o.Running.IsCompleted));
        _all.ForEach(o => o.Dispose());
        await _server.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task One_alone_holds_all_and_gives_each_that_comes_its_part()
    {
        var a = Start("a");
        await HeldAsync((a, 6));
        var b = Start("b");
        await HeldAsync((a, 3), (b, 3));
        var c = Start("c");
        await HeldAsync((a, 2), (b, 2), (c, 2));
    }

    [Fact]
    public async Task A_dead_ones_shards_are_the_others_within_a_leases_time_and_its_own_again_when_it_is_back()
    {
        var (a, b) = (Start("a"), Start("b"));
        await HeldAsync((a, 3), (b, 3));
        int[] had = [.. b.Table.Held];
        b.Line.IsCut = true;
        var died = _time.GetUtcNow();
        await UntilAsync(() => a.Table.Held.Count == 6);
        Assert.InRange((_time.GetUtcNow() - died).TotalSeconds, 10, 25);
        Assert.Empty(b.Table.Held); // by its own clock it ceased before anybody took them
        await b.Stop.CancelAsync();
        await UntilAsync(() => b.Running.IsCompleted);
        var again = Start("b");
        await HeldAsync((a, 3), (again, 3));
        Assert.Equal(had, again.Table.Held);
    }

    [Fact]
    public async Task One_that_ends_in_order_leaves_its_shards_at_once()
    {
        var (a, b) = (Start("a"), Start("b"));
        await HeldAsync((a, 3), (b, 3));
        var ends = _time.GetUtcNow();
        await b.Stop.CancelAsync();
        await UntilAsync(() => a.Table.Held.Count == 6);
        Assert.InRange((_time.GetUtcNow() - ends).TotalSeconds, 0, 8);
    }

    [Fact]
    public async Task One_that_divides_otherwise_takes_no_part_while_the_elder_is_there()
    {
        var a = Start("a");
        await HeldAsync((a, 6));
        _time.Advance(TimeSpan.FromSeconds(2)); // elder by the seconds of their leases
        var other = Start("b", shards: 5);
        await UntilAsync(() => other.Members.Against?.Contains("divides clusters among 6 shards, and this one among 5", StringComparison.Ordinal) == true);
        await HeldAsync((a, 6));
        Assert.Empty(other.Table.Held);
        await a.Stop.CancelAsync();
        await UntilAsync(() => other.Table.Held.Count == 5);
        Assert.Null(other.Members.Against);
    }

    [Fact]
    public async Task Of_one_whose_disk_takes_nothing_the_others_have_the_part_for_a_minute()
    {
        var a = Start("a");
        await HeldAsync((a, 6));
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "b"), "no folder", Ct);
        var b = Start("b");
        await UntilAsync(() => b.Members.Against?.Contains("could not be kept", StringComparison.Ordinal) == true);
        await HeldAsync((a, 6), (b, 0));
        File.Delete(Path.Combine(_folder.FullName, "b"));
        await HeldAsync((a, 3), (b, 3));
    }

    [Fact]
    public async Task Each_follows_the_clusters_of_its_shards_and_no_others()
    {
        var (a, b) = (Start("a"), Start("b"));
        await HeldAsync((a, 3), (b, 3));
        await UntilAsync(() => a.Asked.Concat(b.Asked).Select(asked => asked.Cluster).Distinct().Count() == 20);
        Assert.All(a.Asked.Concat(b.Asked), asked => Assert.Equal(ShardPlan.ShardOf(asked.Cluster, Shards), asked.Shard));
    }

    private One Start(string name, int shards = Shards)
    {
        var one = new One(name, shards, Path.Combine(_folder.FullName, name), new Line(_server.CreateHandler(UserInfo.Admin)), _time);
        _all.Add(one);
        return one;
    }

    private async Task HeldAsync(params (One One, int Count)[] parts)
    {
        await UntilAsync(() => parts.All(p => p.One.Table.Held.Count == p.Count));
        Assert.Equal(Enumerable.Range(0, Shards), parts.SelectMany(p => p.One.Table.Held).Order());
    }

    private async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; !condition(); i++)
        {
            Assert.True(i < 5000, $"it did not come to that: {string.Join("; ", _all.Select(o => $"{o.Name} has {string.Join(' ', o.Table.Held)} {o.Members.Against}"))}");
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None);
            for (var waits = 0; waits < 1000 && _all.Any(one => one.Line.IsBusy); waits++)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None); // however busy the machine is
            }

            var held = _all.Where(o => o.Table.Count == Shards).SelectMany(o => o.Table.Held).ToArray();
            Assert.Equal(held.Distinct().Count(), held.Length); // never two at once
        }
    }

    /// <summary>One controller manager without its servers.</summary>
    private sealed class One : IDisposable
    {
        private readonly KubeClient _api;
        private readonly Lock _gate = new();
        private readonly HashSet<(int Shard, string Cluster)> _asked = [];

        public One(string name, int shards, string folder, Line line, TimeProvider time)
        {
            (Name, Line) = (name, line);
            _api = new KubeClient(new HttpClient(line) { BaseAddress = new Uri("https://embedded/"), Timeout = Timeout.InfiniteTimeSpan });
            var identity = $"{name}_{Guid.NewGuid():N}";
            Table = new ShardTable(["/pods"], MirrorStore.Origin, new NoWay(shards), time);
            Members = new Members(
                _api, "ote-system", new Member(0, name, "pem", shards, new LeaseRecord(identity, $"{name}:1", 0, "", Figures.LeaseDuration)), Figures, time, static () => 0.5, NullLogger.Instance);
            var keepers = Enumerable.Range(0, shards).Select(shard => new ShardKeeper(
                shard, new MirrorOptions { Directory = Path.Combine(folder, $"{shard}") }, Members, Table, (requests, ct) => FollowAsync(shard, requests, ct),
                (lease, wants) => new LeaderElector(_api, "ote-system", lease, identity, $"{name}:1", Figures, time, static () => 0.5, NullLogger.Instance, wants), time, static () => 0.5, NullLoggerFactory.Instance)).ToArray();
            Running = Task.WhenAll([Members.RunAsync(Stop.Token), .. keepers.Select(k => k.RunAsync(Stop.Token))]).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }

        public string Name { get; }

        public Line Line { get; }

        public ShardTable Table { get; }

        public Members Members { get; }

        public CancellationTokenSource Stop { get; } = new();

        public Task Running { get; }

        /// <summary>Clusters whose reports it asked for, and for which shard.</summary>
        public (int Shard, string Cluster)[] Asked
        {
            get
            {
                lock (_gate)
                {
                    return [.. _asked];
                }
            }
        }

        public void Dispose()
        {
            _api.Dispose();
            Stop.Dispose();
        }

        private async IAsyncEnumerable<TreeReport> FollowAsync(int shard, IAsyncEnumerable<TreeRequest> requests, [EnumeratorCancellation] CancellationToken ct)
        {
            foreach (var i in Enumerable.Range(0, 20))
            {
                yield return new TreeReport { Cluster = $"c{i}", News = new ClusterNews { Uid = $"u{i}", Online = true, Reports = true } };
            }

            yield return new TreeReport { News = new ClusterNews { Current = true } };
            await foreach (var asked in requests.WithCancellation(ct))
            {
                lock (_gate)
                {
                    _asked.Add((shard, asked.Cluster));
                }
            }
        }
    }

    private sealed class NoWay(int shards) : IShardWay
    {
        public int Count => shards;

        public HttpClient To(int shard) => throw new ShardAwayException("nobody asks here");

        public ValueTask<bool> IsMemberAsync(X509Certificate2 certificate, CancellationToken cancellation) => ValueTask.FromResult(false);
    }

    private sealed class Line(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        public volatile bool IsCut;
        private int _underWay;

        /// <summary>Whether a request waits for its answer, which takes no virtual time.</summary>
        public bool IsBusy => Volatile.Read(ref _underWay) > 0;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (IsCut)
            {
                throw new HttpRequestException("the line is cut");
            }

            Interlocked.Increment(ref _underWay);
            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            finally
            {
                Interlocked.Decrement(ref _underWay);
            }
        }
    }
}
