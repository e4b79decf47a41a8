using System.Net;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Identity;

/// <summary>The door for those who join is open to anybody, so what may come through it is bounded.</summary>
public sealed class JoinFloodTests : IDisposable
{
    private readonly SemaphoreSlim arrived = new(0);
    private readonly HttpClient http;
    private int asked;

    public JoinFloodTests()
    {
#pragma warning disable CA5399, CA5359 // Only the status is looked at.
        http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true, UseProxy = false });
#pragma warning restore CA5399, CA5359
    }

    [Fact]
    public async Task Requests_beyond_the_rate_are_told_to_come_again_and_trouble_nobody()
    {
        FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
        await using TlsTree tree = await new TlsTree(clock).StartAsync(join: (_, _) => Answer(Task.CompletedTask), joinsPerSecond: 2);
        for (int i = 0; i < 5; i++) // a burst of twice the rate, the last on credit
        {
            Assert.Equal(HttpStatusCode.OK, await JoinAsync(tree));
        }

        using HttpResponseMessage refused = await PostAsync(tree);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(2), refused.Headers.RetryAfter!.Delta);
        Assert.Equal("more clusters ask to join than are answered at once\n", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(5, asked);

        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.OK, await JoinAsync(tree));
    }

    [Fact]
    public async Task Requests_beyond_those_that_may_wait_at_once_are_told_to_come_again_until_one_is_answered()
    {
        TaskCompletionSource decided = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TlsTree tree = await new TlsTree().StartAsync(join: (_, _) => Answer(decided.Task), joinsAtOnce: 2);
        Task<HttpStatusCode> first = JoinAsync(tree), second = JoinAsync(tree);
        await arrived.WaitAsync(TestContext.Current.CancellationToken);
        await arrived.WaitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, await JoinAsync(tree));
        Assert.Equal(2, asked);

        decided.SetResult();
        Assert.Equal(HttpStatusCode.OK, await first);
        Assert.Equal(HttpStatusCode.OK, await second);
        Assert.Equal(HttpStatusCode.OK, await JoinAsync(tree));
    }

    [Fact]
    public async Task Request_that_is_turned_away_leaves_its_place_to_the_next()
    {
        await using TlsTree tree = await new TlsTree().StartAsync(
            join: (request, _) => request.Name == "bad" ? throw new InvalidOperationException("no way up") : Answer(Task.CompletedTask), joinsAtOnce: 1);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, await JoinAsync(tree, "bad"));
        }

        Assert.Equal(HttpStatusCode.OK, await JoinAsync(tree));
    }

    public void Dispose()
    {
        http.Dispose();
        arrived.Dispose();
    }

    private async Task<JoinAnswer> Answer(Task when)
    {
        Interlocked.Increment(ref asked);
        arrived.Release();
        await when;
        return new JoinAnswer { Outcome = JoinAnswer.Types.Outcome.Pending };
    }

    private async Task<HttpStatusCode> JoinAsync(TlsTree tree, string name = "c1")
    {
        using HttpResponseMessage response = await PostAsync(tree, name);
        return response.StatusCode;
    }

    private async Task<HttpResponseMessage> PostAsync(TlsTree tree, string name = "c1")
    {
        using ByteArrayContent body = new(new JoinRequest { Name = name, Uid = "u" }.ToByteArray());
        return await http.PostAsync(new Uri(tree.Address, "/join"), body, TestContext.Current.CancellationToken).Soon();
    }
}
