using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Ote.Tests.Shim.Live;

/// <summary>An API server that gives back what it gets over an upgraded connection.</summary>
internal sealed class EchoServer(WebApplication app) : IAsyncDisposable
{
    public Uri Address { get; private set; } = null!;

    public string LastUser { get; private set; } = "";

    /// <summary>Bytes that came over upgraded connections.</summary>
    public long Received { get; private set; }

    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task<EchoServer> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new EchoServer(app);
        app.Run(async context =>
        {
            server.LastUser = context.Request.Headers["Impersonate-User"].ToString();
            context.Response.Headers.Upgrade = "SPDY/3.1";
            await using var stream = await context.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
            try
            {
                var buffer = new byte[64 * 1024];
                while (await stream.ReadAsync(buffer) is > 0 and var count)
                {
                    server.Received += count;
                    await stream.WriteAsync(buffer.AsMemory(0, count));
                }
            }
            finally
            {
                server.Ended.TrySetResult();
            }
        });
        await app.StartAsync(ct);
        server.Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return server;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
