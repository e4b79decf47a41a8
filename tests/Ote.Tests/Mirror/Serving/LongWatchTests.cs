using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Mirror.Serving;

/// <summary>Watches of what clusters report, over a day of virtual time and with readers that do not read.</summary>
public sealed class LongWatchTests : IAsyncLifetime
{
    private const int Clusters = 5;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 27, 0, 0, 0, TimeSpan.Zero));
    private readonly Dictionary<string, ulong> _revisions = new(StringComparer.Ordinal);
    private MirrorStore _mirror = null!;
    private ApiServer _server = null!;
    private KubeClient _admin = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        // Former states are kept for an hour, so that who sleeps for longer finds them gone.
        _mirror = MirrorStore.Open(new MirrorOptions { HistoryKept = TimeSpan.FromHours(1) }, _time, NullLogger.Instance);
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", Mirror = _mirror, WatchBuffer = 50 }, NullLoggerFactory.Instance, _time, Ct);
        _admin = _server.CreateClient(UserInfo.Admin);
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        await _server.DisposeAsync();
        await _mirror.DisposeAsync();
    }

    [Fact]
    public async Task A_watch_of_24_hours_over_cuts_of_sites_and_of_the_watch_and_expired_history_ends_with_what_there_is()
    {
        var random = new Random(7);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var reader = new Reader(_admin);
        await TellAsync("c0", "first", "0");
        var reading = reader.RunAsync(stop.Token);
        var sleeps = 0;
        var away = new HashSet<string>(StringComparer.Ordinal);
        for (var minute = 0; minute < 24 * 60; minute++)
        {
            var cluster = $"c{random.Next(Clusters)}";
            switch (random.Next(12))
            {
                case 0 when away.Add(cluster):
                    await _mirror.TellsAsync(cluster, tells: false);
                    break;
                case < 3 when away.Remove(cluster):
                    await _mirror.TellsAsync(cluster, tells: true);
                    break;
                case < 5 when !away.Contains(cluster):
                    await TellAsync(cluster, $"p{random.Next(20)}", null);
                    break;
                case < 11 when !away.Contains(cluster):
                    await TellAsync(cluster, $"p{random.Next(20)}", $"{minute}");
                    break;
                default:
                    break;
            }

            _time.Advance(TimeSpan.FromMinutes(1));
            if (minute % 10 == 0)
            {
                away.Remove("c0");
                await TellAsync("c0", "tick", $"{minute}");
                await reader.HasSeenAsync("tick-c0", $"{minute}").Soon(); // virtual time does not outrun the reader
            }

            if (minute % 200 == 199)
            {
                await reader.SleepAsync(reading); // its connection is cut, and it comes back when it is told to
                var hours = ++sleeps % 3;
                for (var slept = 0; slept < hours * 60; slept++, minute++)
                {
                    await TellAsync("c0", $"p{random.Next(20)}", $"asleep {minute}");
                    _time.Advance(TimeSpan.FromMinutes(1));
                }

                away.Remove("c0");
                reader.Wake();
            }
        }

        await TellAsync("c1", "marked", "0");
        await _mirror.TellsAsync("c1", tells: false);
        await TellAsync("c0", "last", "0");
        await reader.HasSeenAsync("last-c0").Soon();
        var there = await _admin.ListAsync(Kinds.Pods, null, null, Ct);
        Assert.Contains(there.Items, i => i.Annotation("ote.baidu.com/stale-since") is not null); // or nothing would show whether marks are told
        Assert.Equal(there.Items.Select(Picture).Order(), reader.Pictures().Order());
        Assert.True(reader.Lists > 1, "no history expired under the reader");
        Assert.True(reader.Watches > 24, $"{reader.Watches} watches in 24 hours of half an hour each");
        Assert.True(reader.Bookmarks > 0, "no bookmark came");
        await stop.CancelAsync();
        await Task.WhenAny(reading);
    }

    [Fact]
    public async Task A_reader_that_does_not_read_is_cut_off_and_holds_up_neither_others_nor_what_is_told()
    {
        await TellAsync("c0", "first", "0");
        var from = (await _admin.ListAsync(Kinds.Pods, null, null, Ct)).ResourceVersion;
        using var slow = await OpenAsync(from);
        await using var unread = await slow.Content.ReadAsStreamAsync(Ct); // nobody reads it
        var reader = new Reader(_admin);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var reading = reader.RunAsync(stop.Token);
        for (var i = 0; i < 400; i++)
        {
            await TellAsync("c0", $"p{i % 10}", new string('x', 64 * 1024) + i);
            await reader.HasSeenAsync($"p{i % 10}-c0", $"{i}").Soon();
        }

        // What it gets in the end is bounded by what was on its way, and it ends: 400 changes would be 25 MB.
        var got = 0L;
        var buffer = new byte[64 * 1024];
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while (await unread.ReadAsync(buffer, Ct).AsTask().Soon() is > 0 and var count)
            {
                got += count;
            }

            throw new IOException("it ended");
        });
        Assert.InRange(got, 0, 60 * 70 * 1024);
        await stop.CancelAsync();
        await Task.WhenAny(reading);
    }

    [Fact]
    public async Task Who_comes_back_after_its_changes_were_forgotten_is_told_410_and_lists_anew()
    {
        await TellAsync("c0", "first", "0");
        var from = (await _admin.ListAsync(Kinds.Pods, null, null, Ct)).ResourceVersion;
        for (var hour = 0; hour < 3; hour++)
        {
            await TellAsync("c0", "first", $"{hour}");
            _time.Advance(TimeSpan.FromHours(1));
        }

        await TellAsync("c0", "first", "again"); // prunes
        await TellAsync("c0", "first", "and again");
        var expired = await Assert.ThrowsAsync<KubeStatusException>(async () =>
        {
            await foreach (var change in _admin.WatchAsync(Kinds.Pods, null, null, from, Ct))
            {
                Assert.Fail($"{change.Type} {change.Object.Name()}");
            }
        });
        Assert.True(expired.IsExpired);
    }

    private async Task<HttpResponseMessage> OpenAsync(string from)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"api/v1/pods?watch=1&resourceVersion={from}");
        return await _admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);
    }

    /// <summary>A cluster tells that a pod has a value, or is gone.</summary>
    private async Task TellAsync(string cluster, string name, string? value)
    {
        var revision = _revisions.GetValueOrDefault(cluster) + 1;
        _revisions[cluster] = revision;
        var report = new Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = revision - 1, To = revision };
        var pod = $$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","namespace":"default","annotations":{"value":"{{{value}}}"}},"spec":{"nodeName":"n","containers":[{"name":"c","image":"i"}]}}""";
        report.Changes.Add(new ObjectChange { Namespace = "default", Name = name, Object = value is null ? ByteString.Empty : ByteString.CopyFromUtf8(pod) });
        await _mirror.TellsAsync(cluster, tells: true);
        Assert.True(await _mirror.ApplyAsync(cluster, report));
    }

    private static string Picture(JsonObject pod) => $"{pod.Name()} {pod.Annotation("value")} {pod.Annotation("ote.baidu.com/stale-since")}";

    /// <summary>A client as they are: it lists, watches, goes on from the last it was told, and lists anew when that is no longer known.</summary>
    private sealed class Reader(KubeClient api)
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<string, JsonObject> _seen = new(StringComparer.Ordinal);
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource _awake = Done();
        private TaskCompletionSource _asleep = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private CancellationTokenSource? _watching;

        public int Lists { get; private set; }

        public int Watches { get; private set; }

        public int Bookmarks { get; private set; }

        public async Task RunAsync(CancellationToken stop)
        {
            string? version = null;
            while (!stop.IsCancellationRequested)
            {
                if (!_awake.Task.IsCompleted)
                {
                    _asleep.TrySetResult();
                    await _awake.Task.WaitAsync(stop);
                }

                if (version is null)
                {
                    var list = await api.ListAsync(Kinds.Pods, null, null, stop);
                    Lists++;
                    lock (_gate)
                    {
                        _seen.Clear();
                    }

                    list.Items.ToList().ForEach(i => Put(i, gone: false));
                    version = list.ResourceVersion;
                }

                using var watching = CancellationTokenSource.CreateLinkedTokenSource(stop);
                _watching = watching;
                try
                {
                    Watches++;
                    await foreach (var change in api.WatchAsync(Kinds.Pods, null, null, version, _awake.Task.IsCompleted ? watching.Token : new CancellationToken(true)))
                    {
                        version = change.Object.ResourceVersion();
                        if (change.Type == WatchEventType.Bookmark)
                        {
                            Bookmarks++;
                            continue;
                        }

                        Put(change.Object, change.Type == WatchEventType.Deleted);
                    }
                }
                catch (Exception cut) when (cut is OperationCanceledException or IOException && !stop.IsCancellationRequested)
                {
                    // It was cut, by this side or because it read too slowly, and goes on.
                }
                catch (KubeStatusException expired) when (expired.IsExpired)
                {
                    version = null;
                }
                finally
                {
                    _watching = null;
                }
            }
        }

        public async Task SleepAsync(Task reading)
        {
            _asleep = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            try
            {
                _watching?.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It ended by itself just now.
            }

            await await Task.WhenAny(_asleep.Task, reading).Soon(); // its fault, if it has one
        }

        public void Wake() => _awake.SetResult();

        public IEnumerable<string> Pictures()
        {
            lock (_gate)
            {
                return [.. _seen.Values.Select(Picture)];
            }
        }

        public async Task HasSeenAsync(string name, string? ending = null)
        {
            while (true)
            {
                Task changed;
                lock (_gate)
                {
                    if (_seen.TryGetValue(name, out var pod) && pod.Annotation("value")!.EndsWith(ending ?? "", StringComparison.Ordinal))
                    {
                        return;
                    }

                    changed = _changed.Task;
                }

                await changed;
            }
        }

        private void Put(JsonObject pod, bool gone)
        {
            lock (_gate)
            {
                if (gone)
                {
                    _seen.Remove(pod.Name());
                }
                else
                {
                    _seen[pod.Name()] = pod;
                }

                _changed.SetResult();
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        private static TaskCompletionSource Done()
        {
            var done = new TaskCompletionSource();
            done.SetResult();
            return done;
        }
    }
}
