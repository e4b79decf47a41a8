using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Leases;

/// <summary>Candidates that run, over an API server in memory, each by its own line to it; in virtual time.</summary>
public sealed class LeaderElectorTests : IAsyncLifetime
{
    private static readonly ElectionOptions Figures = new();
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<string> _story = new();
    private readonly List<Candidate> _candidates = [];
    private ApiServer _server = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "api", Namespaces = ["ote-system"] }, NullLoggerFactory.Instance, TimeProvider.System, Ct);

    public async ValueTask DisposeAsync()
    {
        foreach (var candidate in _candidates)
        {
            candidate.Line.IsCut = true; // whatever still asks is done soon
            await candidate.Stop.CancelAsync();
        }

        await UntilAsync(() => _candidates.TrueForAll(c => c.Running.IsCompleted));
        _candidates.ForEach(c => c.Dispose());
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Of_many_that_are_first_at_once_one_leads_and_all_others_know_where_it_is()
    {
        Candidate[] all = [.. Enumerable.Range(0, 5).Select(i => Start($"r{i}"))];
        await UntilAsync(() => all.Count(c => c.Leads) == 1 && all.All(c => c.Elector.Leader is not null));
        var leader = Assert.Single(all, c => c.Leads);
        Assert.All(all, c => Assert.Equal($"{leader.Name}:8287", c.Elector.Leader!.Address));
    }

    [Fact]
    public async Task Each_is_told_once_of_every_leader_it_comes_to_know()
    {
        var first = Start("a");
        await UntilAsync(() => first.Leads);
        var (second, third) = (Start("b"), Start("c"));
        await UntilAsync(() => second.Known.Count == 1 && third.Known.Count == 1);
        await first.Stop.CancelAsync();
        await UntilAsync(() => second.Known.Count == 2 && third.Known.Count == 2);
        var next = second.Leads ? "b" : "c";
        Assert.Equal(["a"], first.Known);
        Assert.Equal(["a", next], second.Known);
        Assert.Equal(["a", next], third.Known);
    }

    [Fact]
    public async Task One_that_is_stopped_gives_the_lease_up_so_that_the_next_need_not_wait()
    {
        var first = Start("a");
        await UntilAsync(() => first.Leads);
        var second = Start("b");
        await UntilAsync(() => second.Elector.Leader is not null);
        var stopped = _time.GetUtcNow();
        await first.Stop.CancelAsync();
        await UntilAsync(() => second.Leads);
        Assert.InRange(_time.GetUtcNow() - stopped, TimeSpan.Zero, Figures.LeaseDuration - Step);
        Assert.Equal(["a begins", "a ends", "b begins"], _story);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // a request that hangs must not keep a leader from noticing
    public async Task One_that_cannot_reach_the_API_ends_its_work_before_another_begins_and_its_process_goes_on(bool hangs)
    {
        var first = Start("a");
        await UntilAsync(() => first.Leads);
        var second = Start("b");
        await UntilAsync(() => second.Elector.Leader is not null);
        var began = _time.GetUtcNow();
        (first.Line.Hangs, first.Line.IsCut) = (hangs, !hangs);
        await UntilAsync(() => second.Leads);
        Assert.Equal(["a begins", "a ends", "b begins"], _story);
        Assert.True(_time.GetUtcNow() - began >= Figures.LeaseDuration - (2 * Figures.RetryPeriod), "it did not wait as long as a lease is left alone");

        (first.Line.Hangs, first.Line.IsCut) = (false, false);
        await second.Stop.CancelAsync();
        await UntilAsync(() => first.Leads);
        Assert.Equal(["a begins", "a ends", "b begins", "b ends", "a begins"], _story);
    }

    [Fact]
    public async Task Who_cannot_look_at_the_lease_for_as_long_as_it_lasts_knows_of_no_leader_until_it_can()
    {
        var first = Start("a");
        await UntilAsync(() => first.Leads);
        var second = Start("b");
        await UntilAsync(() => second.Elector.Leader is { Holder: "a" });
        (first.Line.IsCut, second.Line.IsCut) = (true, true);
        await UntilAsync(() => !first.Leads && first.Elector.Leader is null && second.Elector.Leader is null);

        (first.Line.IsCut, second.Line.IsCut) = (false, false);
        await UntilAsync(() => first.Elector.Leader is not null && second.Elector.Leader is not null && (first.Leads || second.Leads));
    }

    [Fact]
    public async Task One_whose_work_fails_gives_the_lease_up_and_stays_a_candidate()
    {
        var first = Start("a");
        await UntilAsync(() => first.Leads);
        first.Fail();
        await UntilAsync(() => _story.Count >= 3);
        Assert.Equal(["a begins", "a ends", "a begins"], _story.Take(3));
        Assert.False(first.Running.IsCompleted);
    }

    [Fact]
    public async Task Each_leadership_has_a_higher_term_than_the_one_before()
    {
        var (a, b) = (Start("a"), Start("b"));
        await UntilAsync(() => a.Leads || b.Leads);
        for (var round = 0; round < 4; round++)
        {
            var had = _story.Count;
            (a.Leads ? a : b).Fail();
            await UntilAsync(() => _story.Count >= had + 2);
        }

        long[] terms = [.. a.Terms.Concat(b.Terms).Order()];
        Assert.Equal(terms.Distinct(), terms);
        Assert.Equal(a.Terms.Order(), a.Terms);
        Assert.Equal(b.Terms.Order(), b.Terms);
    }

    private Candidate Start(string name)
    {
        var candidate = new Candidate(name, new Line(_server.CreateHandler(UserInfo.Component("cluster-controller"))), _time, _story);
        _candidates.Add(candidate);
        return candidate;
    }

    // Virtual time goes on in small steps, each long enough in real time for what it set going.
    private async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; !condition(); i++)
        {
            Assert.True(i < 5000, $"it did not come to that: {string.Join(", ", _story)}");
            _time.Advance(Step);
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None);
            var leading = _candidates.Count(c => c.Leads);
            Assert.True(leading <= 1, $"{leading} lead at once: {string.Join(", ", _story)}");
        }
    }

    private sealed class Candidate : IDisposable
    {
        private readonly KubeClient _api;
        private TaskCompletionSource _work = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Candidate(string name, Line line, TimeProvider time, ConcurrentQueue<string> story)
        {
            (Name, Line) = (name, line);
            _api = new KubeClient(new HttpClient(line) { BaseAddress = new Uri("https://embedded/"), Timeout = Timeout.InfiniteTimeSpan });
            Elector = new LeaderElector(_api, "ote-system", "test", name, $"{name}:8287", Figures, time, static () => 0.5, NullLogger.Instance);
            Elector.LeaderChanged += leader => Known.Enqueue(leader.Holder);
            Running = Elector.RunAsync(
                async (term, led) =>
                {
                    Terms.Enqueue(term);
                    _work = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    story.Enqueue($"{name} begins");
                    Leads = true; // last: by this the test goes on
                    try
                    {
                        await _work.Task.WaitAsync(led);
                    }
                    finally
                    {
                        story.Enqueue($"{name} ends");
                        Leads = false;
                    }
                },
                Stop.Token);
        }

        public string Name { get; }

        public Line Line { get; }

        public LeaderElector Elector { get; }

        public ConcurrentQueue<string> Known { get; } = new();

        public CancellationTokenSource Stop { get; } = new();

        public Task Running { get; }

        public ConcurrentQueue<long> Terms { get; } = new();

        public bool Leads
        {
            get => Volatile.Read(ref field);
            private set => Volatile.Write(ref field, value);
        }

        public void Fail() => _work.TrySetException(new IOException("played"));

        public void Dispose()
        {
            _api.Dispose();
            Stop.Dispose();
        }
    }

    /// <summary>The way of one candidate to the API server.</summary>
    private sealed class Line(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        public volatile bool IsCut;
        public volatile bool Hangs;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (Hangs)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            }

            return IsCut ? throw new HttpRequestException("the line is cut") : await base.SendAsync(request, cancellationToken);
        }
    }
}
