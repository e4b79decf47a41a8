using Microsoft.Extensions.Time.Testing;
using Ote.Shim.Contract;
using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Tests.ShimKubernetes.Kubernetes;

public sealed class ReadinessProbeTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Probe_tells_each_change_once_and_asks_at_the_set_times()
    {
        string readyz = "503 etcd failed";
        string version = "v1.36.0";
        await using FakeApiServer server = await FakeApiServer.StartAsync((seen, context) => seen.Target == "/readyz"
            ? FakeApiServer.Answer(context, int.Parse(readyz[..3], System.Globalization.CultureInfo.InvariantCulture), readyz[4..], "text/plain")
            : FakeApiServer.Answer(context, 200, $$"""{"gitVersion":"{{version}}"}"""));
        FakeTimeProvider time = new();
        using HttpClient http = new() { BaseAddress = server.Url };
        ReadinessProbe probe = new(new ClusterCall(http, Impersonation.Requester), new KubernetesShimOptions(), time, () => 0);
        await using IAsyncEnumerator<Readiness> items = probe.WatchAsync(Stop).GetAsyncEnumerator(Stop);

        Assert.True(await items.MoveNextAsync());
        Assert.False(items.Current.Ready);
        Assert.Contains("503", items.Current.Text, StringComparison.Ordinal);
        Assert.Contains("etcd failed", items.Current.Text, StringComparison.Ordinal);

        readyz = "200 ok";
        Assert.Equal(new Readiness { Ready = true, ClusterVersion = "v1.36.0" }, await NextAsync(items, time, TimeSpan.FromMilliseconds(500)));

        version = "v1.37.0";
        Assert.Equal("v1.37.0", (await NextAsync(items, time, TimeSpan.FromSeconds(10))).ClusterVersion);

        await server.DisposeAsync();
        Assert.Contains("refuses connections", (await NextAsync(items, time, TimeSpan.FromSeconds(10))).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_that_hides_readyz_is_ready_when_it_tells_its_version()
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync((seen, context) => seen.Target == "/readyz"
            ? FakeApiServer.Status(context, 403, "Forbidden")
            : FakeApiServer.Answer(context, 200, """{"gitVersion":"v1.13.0"}"""));
        using HttpClient http = new() { BaseAddress = server.Url };
        ReadinessProbe probe = new(new ClusterCall(http, Impersonation.None), new KubernetesShimOptions(), new FakeTimeProvider(), () => 0);
        await using IAsyncEnumerator<Readiness> items = probe.WatchAsync(Stop).GetAsyncEnumerator(Stop);

        Assert.True(await items.MoveNextAsync());
        Assert.Equal(new Readiness { Ready = true, ClusterVersion = "v1.13.0" }, items.Current);
    }

    /// <summary>The next item comes only once the clock has moved on: the wait is registered by the time MoveNext returns unfinished.</summary>
    private static async Task<Readiness> NextAsync(IAsyncEnumerator<Readiness> items, FakeTimeProvider time, TimeSpan wait)
    {
        ValueTask<bool> next = items.MoveNextAsync();
        Assert.False(next.IsCompleted);
        time.Advance(wait);
        Assert.True(await next);
        return items.Current;
    }
}
