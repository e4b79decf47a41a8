using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Shim.Live;

/// <summary>Live access through a shim that runs by itself.</summary>
public sealed class RemoteLiveTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_reaches_the_cluster_with_its_body_as_who_asks_and_without_the_controllers_credentials()
    {
        await using var cluster = await StartClusterAsync();
        await using var link = await ShimLink.StartAsync(new LiveOnly(AddressOf(cluster)));
        var answer = await SendAsync(link, HttpMethod.Post, "/api/v1/pods?dryRun=All", new string('x', 300_000));
        Assert.Equal("POST /api/v1/pods?dryRun=All alice - 300000", await answer.Content.ReadAsStringAsync(Ct));
    }

    [Fact]
    public async Task When_a_side_ends_an_upgraded_connection_the_other_hears_of_it_after_all_that_was_sent()
    {
        await using var echo = await EchoServer.StartAsync(Ct);
        await using var link = await ShimLink.StartAsync(new LiveOnly(echo.Address));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(link.Remote.LiveAddress!, "/exec"));
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "SPDY/3.1");
        using var answer = await link.Remote.LiveInvoker.SendAsync(request, Ct);
        Assert.Equal(HttpStatusCode.SwitchingProtocols, answer.StatusCode);
        var stream = await answer.Content.ReadAsStreamAsync(Ct);
        await stream.WriteAsync("last words"u8.ToArray(), Ct);
        await stream.DisposeAsync();
        await echo.Ended.Task.Soon();
        Assert.Equal("last words".Length, echo.Received);
    }

    [Fact]
    public async Task A_shim_that_acts_as_itself_tells_nobodys_name()
    {
        await using var cluster = await StartClusterAsync();
        await using var link = await ShimLink.StartAsync(new LiveOnly(AddressOf(cluster), actsAsRequester: false));
        var answer = await SendAsync(link, HttpMethod.Get, "/version");
        Assert.Equal("GET /version - - 0", await answer.Content.ReadAsStringAsync(Ct));
    }

    [Fact]
    [Trait("Defect", "S2")]
    public async Task What_the_shims_allow_list_refuses_does_not_reach_the_cluster()
    {
        await using var link = await ShimLink.StartAsync(new LiveOnly(new Uri("http://127.0.0.1:1"), objection: "no rule lets it through"));
        var answer = await SendAsync(link, HttpMethod.Delete, "/api/v1/namespaces/default");
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("no rule lets it through", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shim_without_live_access_and_one_that_is_away_are_said_to_be_so()
    {
        await using var link = await ShimLink.StartAsync(new ScriptedShim());
        var none = await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(link, HttpMethod.Get, "/version"));
        Assert.Contains("gives no live access", none.GetBaseException().Message + none.InnerException?.Message, StringComparison.Ordinal);
        await link.StopServingAsync();
        var away = await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(link, HttpMethod.Get, "/version"));
        Assert.Contains("cannot be reached", away.InnerException!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_that_does_not_answer_is_said_to_be_so()
    {
        await using var link = await ShimLink.StartAsync(new LiveOnly(new Uri("http://127.0.0.1:1")));
        var answer = await SendAsync(link, HttpMethod.Get, "/version");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    private static async Task<HttpResponseMessage> SendAsync(ShimLink link, HttpMethod method, string target, string? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(link.Remote.LiveAddress!, target)) { Content = body is null ? null : new StringContent(body) };
        request.Headers.Add("Impersonate-User", "alice");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer of-the-controller");
        return await link.Remote.LiveInvoker.SendAsync(request, Ct);
    }

    private static Uri AddressOf(WebApplication app) => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    /// <summary>An API server that answers with what it was asked, by whom, and how long the body was.</summary>
    private static async Task<WebApplication> StartClusterAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await context.Response.WriteAsync(
                $"{context.Request.Method} {context.Request.Path}{context.Request.QueryString} {Named("Impersonate-User")} {Named("Authorization")} {body.Length}");

            string Named(string header) => context.Request.Headers.TryGetValue(header, out var value) ? value.ToString() : "-";
        });
        await app.StartAsync(Ct);
        return app;
    }
}
