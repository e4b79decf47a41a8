using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Identity;

public sealed class CertificateRenewerTests : IDisposable
{
    private static readonly PeerIdentity Self = new("c1", "u1");
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Channel<TaskCompletionSource<ClusterIdentity>> asked = Channel.CreateUnbounded<TaskCompletionSource<ClusterIdentity>>();
    private readonly CancellationTokenSource stop = new();
    private readonly CertificateAuthority authority;
    private readonly IdentitySource source;

    // A clock that leaps by hours would give a request up before its answer is there.
    private bool waitsForever;

    public CertificateRenewerTests()
    {
        authority = CertificateAuthority.Create(time, TimeSpan.FromDays(300));
        source = new IdentitySource(authority.CreateIdentity(Self, []));
    }

    public void Dispose()
    {
        stop.Cancel();
        stop.Dispose();
        authority.Dispose();
    }

    [Fact]
    public async Task Certificate_is_renewed_when_it_is_due_not_before_and_again_after_that()
    {
        waitsForever = true;
        Task running = Run(atOnce: false);
        await PassAsync(TimeSpan.FromDays(149));
        Assert.False(asked.Reader.TryPeek(out _));
        for (int round = 0; round < 2; round++)
        {
            ClusterIdentity former = source.Current;
            TaskCompletionSource<ClusterIdentity> request = await AskedAsync(TimeSpan.FromHours(12));
            ClusterIdentity next = authority.CreateIdentity(Self, []);
            request.SetResult(next);
            await ReplacedAsync(former);
            Assert.Same(next, source.Current);
        }

        Assert.False(running.IsCompleted);
    }

    [Fact]
    public async Task Failing_renewal_is_tried_again_with_growing_bounded_waits_and_the_old_certificate_stays_in_use()
    {
        ClusterIdentity former = source.Current;
        _ = Run(atOnce: true);
        List<TimeSpan> gaps = [];
        DateTimeOffset last = time.GetUtcNow();
        for (int attempt = 0; attempt < 11; attempt++)
        {
            TaskCompletionSource<ClusterIdentity> request = await AskedAsync(TimeSpan.FromSeconds(5));
            gaps.Add(time.GetUtcNow() - last);
            last = time.GetUtcNow();
            Assert.Equal(attempt == 0 ? null : "the tree is away", source.NotRenewed);
            request.SetException(new IOException("the tree is away"));
            Assert.Same(former, source.Current);
        }

        Assert.True(gaps[^1] > gaps[2], "waits grow");
        Assert.All(gaps, gap => Assert.InRange(gap, TimeSpan.Zero, TimeSpan.FromMinutes(11)));
        (await AskedAsync(TimeSpan.FromSeconds(5))).SetResult(authority.CreateIdentity(Self, []));
        await ReplacedAsync(former);
        Assert.Null(source.NotRenewed);
    }

    [Fact]
    public async Task Answer_that_never_comes_is_given_up_and_asked_for_again()
    {
        _ = Run(atOnce: true);
        TaskCompletionSource<ClusterIdentity> lost = await AskedAsync(TimeSpan.FromSeconds(5));
        TaskCompletionSource<ClusterIdentity> second = await AskedAsync(TimeSpan.FromSeconds(5));
        Assert.NotSame(lost, second);
    }

    private Task Run(bool atOnce)
    {
        CertificateRenewer renewer = new(source, AskAsync, time, () => 0, NullLogger.Instance);
        return Task.Run(() => renewer.RunAsync(atOnce, stop.Token));
    }

    private Task<ClusterIdentity> AskAsync(CancellationToken ct)
    {
        TaskCompletionSource<ClusterIdentity> request = new(TaskCreationOptions.RunContinuationsAsynchronously);
        asked.Writer.TryWrite(request);
        return waitsForever ? request.Task : request.Task.WaitAsync(ct);
    }

    private async Task PassAsync(TimeSpan span)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < span; passed += TimeSpan.FromHours(12))
        {
            time.Advance(TimeSpan.FromHours(12));
            await Task.Yield();
        }
    }

    /// <summary>Lets time pass in steps until the renewal is asked for.</summary>
    private async Task<TaskCompletionSource<ClusterIdentity>> AskedAsync(TimeSpan step)
    {
        Task<TaskCompletionSource<ClusterIdentity>> next = asked.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
        while (!next.IsCompleted)
        {
            time.Advance(step);
            await Task.WhenAny(next, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System));
        }

        return await next.Soon();
    }

    private async Task ReplacedAsync(ClusterIdentity former)
    {
        TaskCompletionSource replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);
        source.Changed += _ => replaced.TrySetResult();
        if (source.Current == former) await replaced.Task.Soon();
    }
}
