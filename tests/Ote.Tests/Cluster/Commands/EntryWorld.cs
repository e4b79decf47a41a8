using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Cluster.Commands;
using Ote.Cluster.Routing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Commands;

/// <summary>A control entry over a real API server in memory that can fail, above a subtree that is played by the test.</summary>
internal sealed class EntryWorld : IAsyncDisposable
{
    private const int Turns = 8;
    private readonly ApiServer _server;
    private CommandController _controller = null!;
    private CancellationTokenSource _stop = null!;
    private Task _running = Task.CompletedTask;

    private EntryWorld(ApiServer server)
    {
        _server = server;
        Api = server.CreateClient(UserInfo.Admin);
        Faults = new FaultyHandler(server.CreateHandler(UserInfo.Component("cluster-controller")));
    }

    public KubeClient Api { get; }

    public FakeTimeProvider Time { get; } = new(Objects.Start);

    /// <summary>How long clusters may be silent before they are asked again.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromDays(10);

    public PlayedSubtree Subtree { get; } = new();

    public AuditLog? Audit { get; set; }

    /// <summary>Who may command what.</summary>
    public PlayedAccess Access { get; } = new();

    public FaultyHandler Faults { get; }

    /// <summary>What clusters report; null: the entry keeps no mirror.</summary>
    public PlayedMirror? Mirror { get; set; }

    public static Task<EntryWorld> StartAsync(CancellationToken ct, params string[] clusters) => StartAsync(null, ct, clusters);

    public static async Task<EntryWorld> StartAsync(PlayedMirror? mirror, CancellationToken ct, params string[] clusters)
    {
        var server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", InstallCrds = Crds.Load() }, NullLoggerFactory.Instance, TimeProvider.System, ct);
        EntryWorld world = new(server) { Mirror = mirror };
        foreach (string cluster in clusters)
        {
            world.Subtree.Set(cluster);
        }

        world.Run();
        return world;
    }

    /// <summary>The control API as somebody.</summary>
    public KubeClient As(UserInfo user) => _server.CreateClient(user);

    /// <summary>The process ends; what it held in memory is gone.</summary>
    public async Task StopAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return; // ended before
        }

        await _stop.CancelAsync();
        await _running;
        _controller.Dispose();
    }

    /// <summary>A new process on the same API, which knows nothing else. It does not work before <see cref="Run"/>.</summary>
    public void Make() => _controller = new CommandController(
        "root", new KubeClient(new HttpClient(Faults, disposeHandler: false) { BaseAddress = new Uri("https://embedded/") }), true, Subtree, Time, () => 0.5, NullLogger.Instance, Patience, Access, Audit, mirror: Mirror);

    public void Run(bool make = true)
    {
        if (make)
        {
            Make();
        }

        _stop = new CancellationTokenSource();
        var (controller, stop) = (_controller, _stop.Token);
        _running = Task.Run(() => controller.RunAsync(stop));
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        Run();
    }

    public Task<JsonObject> CreateAsync(string name, string selector, CancellationToken ct, Action<JsonObject>? more = null)
    {
        JsonObject spec = new() { ["clusterSelector"] = selector, ["method"] = "GET", ["url"] = "/version" };
        more?.Invoke(spec);
        return Api.CreateAsync(Kinds.ClusterControllers, "default", new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "ClusterController",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
            ["spec"] = spec,
        }, ct);
    }

    public Task<JsonObject> EditAsync(string name, JsonObject spec, CancellationToken ct) =>
        Api.PatchAsync(Kinds.ClusterControllers, "default", name, PatchKind.Merge, new JsonObject { ["spec"] = spec }, ct);

    /// <summary>Waits until the command's object is as wanted, while time passes.</summary>
    public Task<JsonObject> UntilAsync(string name, Func<JsonObject, bool> condition, CancellationToken ct) =>
        WhileTimePasses(SmallTree.UntilAsync(Api, Kinds.ClusterControllers, "default", name, condition, ct));

    public Task<JsonObject> OverAsync(string name, CancellationToken ct, long generation = 1) =>
        UntilAsync(name, c => c.Whole("status", "observedGeneration") == generation && c.Text("status", "completionTime") is not null, ct);

    public Task ReceiveAsync(params Receipt[] receipts) => _controller.ReceiveAsync(receipts);

    public void Changed(string cluster, string[]? tags = null, bool online = true, ulong epoch = 1) =>
        _controller.RoutesChanged([Subtree.Set(cluster, tags, online, epoch)], []);

    public void Deleted(string cluster) => _controller.RoutesChanged([Subtree.Delete(cluster)], []);

    public async Task<JsonObject[]> ResultsAsync(CancellationToken ct, ulong generation = 1) =>
        [.. (await Api.ListAsync(Kinds.ClusterControllerResults, "default", new ListQuery($"ote.baidu.com/page=results,ote.baidu.com/generation={generation}"), ct))
            .Items.SelectMany(p => p.Items("results")!.OfType<JsonObject>())];

    /// <summary>Lets the controller's clock run until something has happened; what is under way gets its turns, so that the clock does not leave it behind.</summary>
    public async Task<T> WhileTimePasses<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            Time.Advance(TimeSpan.FromMilliseconds(5));
            for (var i = 0; i < Turns && !task.IsCompleted; i++)
            {
                await Task.WhenAny(task, Task.Run(() => { }));
            }
        }

        return await task;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        await _server.DisposeAsync();
    }

    public static Receipt Receipt(JsonObject command, string cluster, Stage stage = Stage.Executed, int code = 200, long generation = 1) => new()
    {
        Cluster = cluster,
        CommandUid = command.Uid(),
        Generation = (ulong)generation,
        Entry = "root",
        Stage = stage,
        Code = code,
    };
}

/// <summary>Clusters as a control entry sees them; what it sends is read by the test.</summary>
internal sealed class PlayedSubtree : ICommandSender
{
    private readonly ConcurrentDictionary<string, RouteEntry> _clusters = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _deleted = new(StringComparer.Ordinal);
    private readonly System.Threading.Channels.Channel<SentWord> _sent = System.Threading.Channels.Channel.CreateUnbounded<SentWord>();

    public int Unread => _sent.Reader.Count;

    public RouteChange Set(string name, string[]? tags = null, bool online = true, ulong epoch = 1)
    {
        var before = _clusters.GetValueOrDefault(name);
        var after = _clusters[name] = new RouteEntry { Name = name, Uid = "uid-" + name, Tags = tags is null ? before?.Tags ?? TagSet.Empty : TagSet.Of(tags), Online = online, Epoch = epoch };
        return new RouteChange(before, after);
    }

    public void Forget(string name) => _clusters.TryRemove(name, out _);

    /// <summary>An operator deletes a cluster.</summary>
    public RouteChange Delete(string name)
    {
        _deleted[name] = true;
        _clusters.TryRemove(name, out var before);
        return new RouteChange(before, null);
    }

    public async Task<SentWord> NextAsync() => await _sent.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

    public IReadOnlyList<string> Resolve(ClusterSelector selector) => [.. Matching(selector).Select(c => c.Name)];

    public MissingTargets Missing(IEnumerable<string> names)
    {
        var all = names.ToArray();
        return new MissingTargets([.. all.Where(n => _clusters.TryGetValue(n, out var c) && !c.Online)], [.. all.Where(n => !_clusters.ContainsKey(n))], []);
    }

    public IReadOnlySet<string> Gone(IEnumerable<string> names) => names.Where(_deleted.ContainsKey).ToHashSet(StringComparer.Ordinal);

    public bool IsSilent(string name) => name.StartsWith("silent", StringComparison.Ordinal);

    public bool IsRevoked(string name) => name.StartsWith("revoked", StringComparison.Ordinal);

    public Task<IReadOnlyList<string>> SendAsync(Command command, ClusterSelector selector)
    {
        _sent.Writer.TryWrite(new SentWord(command.Clone(), null, selector));
        return Task.FromResult<IReadOnlyList<string>>([.. Matching(selector).Where(c => c.Online).Select(c => c.Name)]);
    }

    public Task CancelAsync(CancelCommand cancel, ClusterSelector selector)
    {
        _sent.Writer.TryWrite(new SentWord(null, cancel.Clone(), selector));
        return Task.CompletedTask;
    }

    private IEnumerable<RouteEntry> Matching(ClusterSelector selector) => _clusters.Values.Where(c => selector.Matches(c.Name, c.Tags)).OrderBy(c => c.Name, StringComparer.Ordinal);
}

/// <summary>Says what the test wants it to say.</summary>
internal sealed class PlayedAccess : ICommandAccess
{
    public AccessVerdict Verdict { get; set; } = AccessVerdict.Everything;

    public ValueTask<AccessVerdict> JudgeAsync(Command command, IReadOnlyCollection<string> clusters, CancellationToken ct) => ValueTask.FromResult(Verdict);
}

/// <summary>A command, or its cancellation, and to whom.</summary>
internal sealed record SentWord(Command? Command, CancelCommand? Cancel, ClusterSelector To)
{
    public override string ToString() => Cancel is null ? $"command {Command!.Generation} to {To}" : $"cancel {Cancel.Generation} to {To}";
}

/// <summary>The way to an API server that fails when told.</summary>
internal sealed class FaultyHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private int _left;
    private Func<HttpRequestMessage, bool> _which = _ => false;
    private HttpStatusCode _code;
    private bool _after;
    private Func<HttpRequestMessage, Task>? _before;
    private string? _lastTold;

    /// <summary>Requests that failed.</summary>
    public int Failed { get; private set; }

    /// <summary>Lets requests fail.</summary>
    /// <param name="times">How many.</param>
    /// <param name="code">The answer; 0: the connection is lost.</param>
    /// <param name="after">The server carries them out nevertheless.</param>
    /// <param name="which">Which requests.</param>
    public void Fail(int times, HttpStatusCode code, bool after, Func<HttpRequestMessage, bool> which)
    {
        (_code, _after, _which) = (code, after, which);
        Volatile.Write(ref _left, times);
    }

    /// <summary>Does something just before each request that follows.</summary>
    public void Before(Func<HttpRequestMessage, Task> act) => _before = act;

    /// <summary>Watches that begin from now on tell nothing after a line with this text.</summary>
    public void SilenceWatchesAfter(string text) => _lastTold = text;

    public static bool IsPageWrite(HttpRequestMessage request) =>
        request.Method != HttpMethod.Get && request.RequestUri!.AbsolutePath.Contains("clustercontrollerresults", StringComparison.Ordinal);

    public static bool IsStatusWrite(HttpRequestMessage request) => request.Method == HttpMethod.Put && request.RequestUri!.AbsolutePath.EndsWith("/status", StringComparison.Ordinal);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        await (_before?.Invoke(request) ?? Task.CompletedTask);
        if (Volatile.Read(ref _left) == 0 || !_which(request))
        {
            var answer = await base.SendAsync(request, ct);
            if (_lastTold is { } last && request.RequestUri!.Query.Contains("watch=", StringComparison.Ordinal))
            {
                answer.Content = new StreamContent(new SilentAfter(await answer.Content.ReadAsStreamAsync(ct), last));
            }

            return answer;
        }

        Interlocked.Decrement(ref _left);
        if (_after)
        {
            (await base.SendAsync(request, ct)).Dispose();
        }

        Failed++;
        return _code == 0 ? throw new HttpRequestException("the connection was lost") : new HttpResponseMessage(_code)
        {
            Content = new StringContent($$"""{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"{{_code}}","message":"played","code":{{(int)_code}}}""", Encoding.UTF8, "application/json"),
        };
    }
}

/// <summary>A stream of lines that shows those up to one with a given text, and then says nothing more, as one that hangs.</summary>
internal sealed class SilentAfter(Stream inner, string text) : Stream
{
    private readonly StreamReader _lines = new(inner);
    private byte[] _line = [];
    private int _at;
    private bool _isSilent;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_at == _line.Length)
        {
            if (_isSilent)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            }

            if (await _lines.ReadLineAsync(cancellationToken) is not { } line)
            {
                return 0;
            }

            _isSilent = line.Contains(text, StringComparison.Ordinal);
            (_line, _at) = (Encoding.UTF8.GetBytes(line + '\n'), 0);
        }

        var count = Math.Min(buffer.Length, _line.Length - _at);
        _line.AsMemory(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _lines.Dispose();
        base.Dispose(disposing);
    }
}
