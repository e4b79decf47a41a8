using System.Net;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>Files that a server makes when they are asked for.</summary>
public sealed class DownloadTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Download_IsForMastersAlone()
    {
        await using var api = await StartAsync((target, ct) => target.WriteAsync("whole"u8.ToArray(), ct).AsTask());
        using var jane = api.As(new UserInfo("jane", ["dev"]));
        Assert.Equal(HttpStatusCode.Forbidden, (await jane.Http.GetAsync("files/all", Token)).StatusCode);
        using var nobody = api.As(UserInfo.Anonymous);
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.Http.GetAsync("files/all", Token)).StatusCode);
        Assert.Equal("whole", await api.Admin.Http.GetStringAsync("files/all", Token));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await api.Admin.Http.PostAsync("files/all", null, Token)).StatusCode);
    }

    [Fact]
    public async Task Download_IsMadeForOneAtATime()
    {
        TaskCompletionSource begun = new(), go = new();
        await using var api = await StartAsync(async (target, ct) =>
        {
            begun.TrySetResult();
            await go.Task.WaitAsync(ct);
            await target.WriteAsync("whole"u8.ToArray(), ct);
        });
        var first = api.Admin.Http.GetStringAsync("files/all", Token);
        await begun.Task;
        Assert.Equal(HttpStatusCode.TooManyRequests, (await api.Admin.Http.GetAsync("files/all", Token)).StatusCode);
        go.SetResult();
        Assert.Equal("whole", await first);
        Assert.Equal("whole", await api.Admin.Http.GetStringAsync("files/all", Token));
    }

    private static Task<ApiServerFixture> StartAsync(Func<Stream, CancellationToken, Task> download) => ApiServerFixture.StartAsync(
        options: o => o with { Downloads = new Dictionary<string, Func<Stream, CancellationToken, Task>> { ["/files/all"] = download } });
}
