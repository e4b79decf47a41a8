using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Applying;

/// <summary>The mirror as it was.</summary>
public sealed class MirrorPastTests : IDisposable
{
    private const string Pods = "/pods";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ote-past-");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 27, 12, 0, 0, TimeSpan.Zero));
    private readonly Dictionary<string, ulong> _told = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_state_holds_from_when_it_was_told_until_it_was_replaced_or_its_object_went()
    {
        await using var mirror = Open();
        var before = _time.GetUtcNow();
        _time.Advance(TimeSpan.FromMinutes(1));
        await TellAsync(mirror, "c1", ("ns", "web", "a"));
        var told = _time.GetUtcNow();
        _time.Advance(TimeSpan.FromMinutes(1));
        await TellAsync(mirror, "c1", ("ns", "web", "b"));
        var replaced = _time.GetUtcNow();
        _time.Advance(TimeSpan.FromMinutes(1));
        await TellAsync(mirror, "c1", ("ns", "web", null));
        var gone = _time.GetUtcNow();
        _time.Advance(TimeSpan.FromMinutes(1));
        await TellAsync(mirror, "c1", ("ns", "web", "c"));
        var back = _time.GetUtcNow();

        Assert.Equal(
            ["", "ns/web-c1=a", "ns/web-c1=a", "ns/web-c1=b", "", "ns/web-c1=c"],
            [await AtAsync(mirror, before), await AtAsync(mirror, told), await AtAsync(mirror, replaced.AddMilliseconds(-1)), await AtAsync(mirror, replaced), await AtAsync(mirror, gone), await AtAsync(mirror, back)]);
        var then = (await mirror.FindAsync(new StoreKey(Pods, "ns", "web-c1"), told, Ct))!;
        var pod = (JsonObject)JsonNode.Parse(then.Json)!;
        Assert.Equal((then.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture), "2026-11-27T12:01:00Z", "c1"), (pod.ResourceVersion(), pod.Annotation("ote.baidu.com/as-of"), (string?)pod.Labels()!["ote-cluster"]));
        Assert.Null(await mirror.FindAsync(new StoreKey(Pods, "ns", "web-c1"), gone, Ct));
        Assert.Null(await mirror.FindAsync(new StoreKey(Pods, "ns", "other-c1"), told, Ct));
        Assert.DoesNotContain("as-of", System.Text.Encoding.UTF8.GetString((await mirror.FindAsync(new StoreKey(Pods, "ns", "web-c1"), Ct))!.Json), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_happens_each_moment_is_read_as_it_was_in_pages_and_by_namespace_and_cluster(int seed)
    {
        var random = new Random(seed);
        List<(DateTimeOffset At, SortedDictionary<string, string> State)> moments = [];
        var state = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var mirror = Open();
        try
        {
            for (var step = 0; step < 300; step++)
            {
                _time.Advance(TimeSpan.FromMilliseconds(random.Next(0, 3) * 500));
                var (cluster, ns, name) = ($"c{random.Next(3)}", $"n{random.Next(2)}", $"p{random.Next(6)}");
                string? value = random.Next(3) == 0 ? null : $"v{step}";
                await TellAsync(mirror, cluster, (ns, name, value));
                var shown = $"{ns}/{name}-{cluster}";
                if (value is null)
                {
                    state.Remove(shown);
                }
                else
                {
                    state[shown] = value;
                }

                if (step % 100 == 99)
                {
                    await mirror.DisposeAsync(); // what was survives a restart
                    mirror = Open();
                }

                moments.RemoveAll(m => m.At == _time.GetUtcNow());
                moments.Add((_time.GetUtcNow(), new(state, StringComparer.Ordinal)));
            }

            foreach (var (at, then) in moments)
            {
                Assert.Equal(string.Join(' ', then.Select(s => $"{s.Key}={s.Value}")), await AtAsync(mirror, at, limit: 1 + random.Next(4)));
            }

            var (some, was) = moments[moments.Count / 2];
            Assert.Equal(Of(was, k => k.StartsWith("n1/", StringComparison.Ordinal)), await AtAsync(mirror, some, ns: "n1", limit: 2));
            Assert.Equal(Of(was, k => k.EndsWith("-c2", StringComparison.Ordinal)), await AtAsync(mirror, some, cluster: "c2", limit: 2));
            Assert.Equal(Of(was, k => k.StartsWith("n0/", StringComparison.Ordinal) && k.EndsWith("-c1", StringComparison.Ordinal)), await AtAsync(mirror, some, ns: "n0", cluster: "c1", limit: 2));
            foreach (var key in was.Keys)
            {
                Assert.NotNull(await mirror.FindAsync(new StoreKey(Pods, key.Split('/')[0], key.Split('/')[1]), some, Ct));
            }
        }
        finally
        {
            await mirror.DisposeAsync();
        }

        static string Of(SortedDictionary<string, string> state, Func<string, bool> wanted) => string.Join(' ', state.Where(s => wanted(s.Key)).Select(s => $"{s.Key}={s.Value}"));
    }

    [Fact]
    public async Task A_cluster_that_left_is_there_as_of_before_also_when_another_has_its_number()
    {
        await using var mirror = Open();
        await TellAsync(mirror, "c1", ("ns", "web", "a"));
        var then = _time.GetUtcNow();
        _time.Advance(TimeSpan.FromMinutes(1));
        await mirror.RemoveAsync("c1");
        _time.Advance(TimeSpan.FromMinutes(1));
        await TellAsync(mirror, "c9", ("ns", "web", "z"));
        Assert.Equal("ns/web-c1=a", await AtAsync(mirror, then));
        Assert.Equal("ns/web-c1=a", await AtAsync(mirror, then, cluster: "c1"));
        Assert.Equal("ns/web-c9=z", await AtAsync(mirror, _time.GetUtcNow()));
    }

    [Fact]
    public async Task What_is_older_than_is_kept_or_was_dropped_for_its_size_is_refused_and_never_told_in_part()
    {
        var opened = _time.GetUtcNow();
        await using var mirror = Open(new MirrorOptions { Directory = _folder.FullName, HistoryKept = TimeSpan.FromHours(1), HistoryBytes = 2_000 });
        Assert.Equal(opened, mirror.KeptSince);
        await Assert.ThrowsAsync<RevisionExpiredException>(async () => await AtAsync(mirror, opened.AddSeconds(-1)));
        List<DateTimeOffset> moments = [];
        for (var i = 0; i < 40; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(31)); // so that each is pruned after
            await TellAsync(mirror, "c1", ("ns", "web", $"v{i}"));
            moments.Add(_time.GetUtcNow());
        }

        var since = mirror.KeptSince!.Value;
        Assert.True(since > moments[0] && since < moments[^1], $"{since} is not between {moments[0]} and {moments[^1]}");
        for (var i = 0; i < moments.Count; i++)
        {
            if (moments[i] < since)
            {
                await Assert.ThrowsAsync<RevisionExpiredException>(async () => await AtAsync(mirror, moments[i]));
                await Assert.ThrowsAsync<RevisionExpiredException>(async () => await mirror.FindAsync(new StoreKey(Pods, "ns", "web-c1"), moments[i], Ct));
            }
            else
            {
                Assert.Equal($"ns/web-c1=v{i}", await AtAsync(mirror, moments[i]));
            }
        }

        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(_time.GetUtcNow().AddHours(-1), mirror.KeptSince); // also before somebody has pruned
    }

    private MirrorStore Open(MirrorOptions? options = null) => MirrorStore.Open(options ?? new MirrorOptions { Directory = _folder.FullName }, _time, NullLogger.Instance);

    /// <summary>All there was, read in pages.</summary>
    private static async Task<string> AtAsync(MirrorStore mirror, DateTimeOffset at, string? ns = null, string? cluster = null, int limit = 100)
    {
        List<string> found = [];
        var query = new PageQuery(Pods, ns, mirror.Revision, "", "", limit) { At = at, Terms = cluster is null ? [] : [$"l ote-cluster={cluster}"] };
        while (true)
        {
            var piece = await mirror.ListAsync(query, Ct);
            foreach (var row in piece.Rows)
            {
                var pod = (JsonObject)JsonNode.Parse(row.Json)!;
                // Who has no index gives more, and the rest is left out later.
                found.AddRange(cluster is null || (string?)pod.Labels()!["ote-cluster"] == cluster ? [$"{row.Key.Namespace}/{row.Key.Name}={pod.Text("spec", "x")}"] : []);
            }

            if (!piece.More)
            {
                return string.Join(' ', found);
            }

            query = query.After(piece);
        }
    }

    private async Task TellAsync(MirrorStore mirror, string cluster, (string Namespace, string Name, string? Value) pod)
    {
        var last = _told.GetValueOrDefault(cluster);
        var report = new Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 7, From = last, To = last + 1 };
        report.Changes.Add(new ObjectChange
        {
            Namespace = pod.Namespace, Name = pod.Name,
            Object = pod.Value is null ? ByteString.Empty : ByteString.CopyFromUtf8($$$"""{"metadata":{"name":"{{{pod.Name}}}","namespace":"{{{pod.Namespace}}}"},"spec":{"x":"{{{pod.Value}}}"}}"""),
        });
        Assert.True(await mirror.ApplyAsync(cluster, report));
        _told[cluster] = last + 1;
    }
}
