using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Ote.SystemTests.Up;

/// <summary>An API server that is ready and refuses the rest, or some of it, and a kubeconfig that names it.</summary>
internal sealed class UnwillingCluster : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Scratch _scratch = new("up-unwilling");

    private UnwillingCluster(WebApplication app) => _app = app;

    public string Kubeconfig => _scratch["kubeconfig"];

    /// <param name="code">What it answers to what it refuses.</param>
    /// <param name="readable">Whether it lets everything be read.</param>
    /// <param name="ct">Ends the start.</param>
    public static async Task<UnwillingCluster> StartAsync(int code, bool readable, CancellationToken ct)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        WebApplication app = builder.Build();
        app.Run(context =>
        {
            bool allowed = context.Request.Path.Value is "/readyz" or "/version" || (readable && context.Request.Method == "GET");
            context.Response.StatusCode = allowed ? 200 : code;
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(
                allowed ? """{"gitVersion":"v0"}""" : string.Create(CultureInfo.InvariantCulture, $$"""{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not in this shop","code":{{code}}}"""),
                context.RequestAborted);
        });
        await app.StartAsync(ct);
        UnwillingCluster cluster = new(app);
        await File.WriteAllTextAsync(cluster.Kubeconfig, $$$"""
            apiVersion: v1
            kind: Config
            current-context: it
            contexts: [{name: it, context: {cluster: it, user: ""}}]
            clusters: [{name: it, cluster: {server: "{{{app.Urls.Single()}}}"}}]
            """, ct);
        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _scratch.Dispose();
    }
}
