using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Ote.Tests.ShimKubernetes;

/// <summary>An API server at the wire that answers what a test says and keeps what it was sent.</summary>
internal sealed class FakeApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeApiServer(WebApplication app) => _app = app;

    public ConcurrentQueue<Seen> Requests { get; } = [];

    public Func<Seen, HttpContext, Task> OnRequest { get; set; } = (_, context) => Answer(context, 200, "{}");

    public Uri Url { get; private set; } = null!;

    /// <summary>What arrived: the request line as it was on the wire.</summary>
    internal sealed record Seen(string Method, string Target, IHeaderDictionary Headers, string Body);

    public static async Task<FakeApiServer> StartAsync(Func<Seen, HttpContext, Task>? onRequest = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        FakeApiServer server = new(builder.Build());
        if (onRequest is not null)
            server.OnRequest = onRequest;
        server._app.Run(server.HandleAsync);
        await server._app.StartAsync(TestContext.Current.CancellationToken);
        server.Url = new Uri(server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return server;
    }

    public static async Task Answer(HttpContext context, int code, string body, string contentType = "application/json")
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = contentType;
        await context.Response.WriteAsync(body);
    }

    public static Task Status(HttpContext context, int code, string reason, string? name = null) => Answer(context, code,
        $$"""{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"{{reason}}","details":{{{(name is null ? "" : $"\"name\":\"{name}\"")}}},"code":{{code}}}""");

    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource now = new();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    /// <summary>Kestrel takes the headers back when the request ends.</summary>
    private static HeaderDictionary Copy(IHeaderDictionary headers)
    {
        HeaderDictionary copy = [];
        foreach (KeyValuePair<string, Microsoft.Extensions.Primitives.StringValues> header in headers)
            copy.Add(header);
        return copy;
    }

    private async Task HandleAsync(HttpContext context)
    {
        using StreamReader reader = new(context.Request.Body);
        Seen seen = new(context.Request.Method, context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, Copy(context.Request.Headers), await reader.ReadToEndAsync(context.RequestAborted));
        Requests.Enqueue(seen);
        await OnRequest(seen, context);
    }
}
