using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Ote.Kube.Client;

namespace Ote.Tests.Kube.Client;

/// <summary>A user's groups are told apart by header lines; what would blur them must not come near the requests after it.</summary>
public sealed class LiveInvokerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Groups_stay_apart_after_a_body_of_unknown_length_and_after_an_upgrade_that_was_refused()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            await reader.ReadToEndAsync(Ct);
            context.Response.StatusCode = context.Request.Headers.Upgrade.Count > 0 ? 405 : 200;
            await context.Response.WriteAsync(string.Join('|', context.Request.Headers["Impersonate-Group"].Select(g => g)), Ct);
        });
        await app.StartAsync(Ct);
        var server = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        using var invoker = new KubeEndpoint(server).CreateLiveInvoker(TimeProvider.System);

        Assert.Equal("a|b", await AskAsync(_ => { }));
        Assert.Equal("a|b", await AskAsync(request => request.Content = new StreamContent(new Unsized("x"))));
        Assert.Equal("a|b", await AskAsync(_ => { }));
        Assert.Equal("a|b", await AskAsync(request =>
        {
            request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
            request.Headers.TryAddWithoutValidation("Upgrade", "SPDY/3.1");
        }));
        Assert.Equal("a|b", await AskAsync(_ => { }));

        async Task<string> AskAsync(Action<HttpRequestMessage> more)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, server) { Version = HttpVersion.Version11 };
            request.Headers.TryAddWithoutValidation("Impersonate-Group", "a");
            request.Headers.TryAddWithoutValidation("Impersonate-Group", "b");
            more(request);
            using var answer = await invoker.SendAsync(request, Ct);
            return await answer.Content.ReadAsStringAsync(Ct);
        }
    }

    /// <summary>A stream that does not tell its length.</summary>
    private sealed class Unsized(string text) : MemoryStream(Encoding.UTF8.GetBytes(text))
    {
        public override bool CanSeek => false;
    }
}
