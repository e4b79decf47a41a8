using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Up;

/// <summary><c>./ote up --exit</c> as scripts use it.</summary>
public sealed class UpToTheEndTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Up_thatIsToExit_printsOneObjectAsTheLastLineAndSucceeds()
    {
        CommandResult run = await UpRun.ToEndAsync(Ct, "--exit", "-o", "json");

        Assert.True(run.ExitCode == 0, run.Error);
        JsonObject report = UpRun.Report(run);
        Assert.Equal(["clusters", "targets", "succeeded", "seconds"], report.Select(field => field.Key));
        Assert.Equal((7, 4, 4), ((int)report["clusters"]!, (int)report["targets"]!, (int)report["succeeded"]!));
        Assert.InRange((double)report["seconds"]!, 0.01, 180);
        // Standard output is for the program that reads it; what a person sees is on standard error.
        Assert.Single(UpRun.Lines(run.Out));
        Assert.Contains("nginx is fully ready in 4 of 4 clusters", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_withATargetThatRefuses_failsAndSaysWhichAndWhy()
    {
        await using WebApplication refusing = await RefusingClusterAsync();
        using Scratch scratch = new("up-refused");
        await File.WriteAllTextAsync(scratch["kubeconfig"], $$$"""
            apiVersion: v1
            kind: Config
            current-context: it
            contexts: [{name: it, context: {cluster: it, user: ""}}]
            clusters: [{name: it, cluster: {server: "{{{refusing.Urls.Single()}}}"}}]
            """, Ct);

        CommandResult run = await UpRun.ToEndAsync(Ct, "--clusters", "1", "--kubeconfig", $"shop={scratch["kubeconfig"]}", "--exit", "-o", "json");

        Assert.True(run.ExitCode == 1, $"{run.ExitCode}\n{run.Error}");
        JsonObject report = UpRun.Report(run);
        Assert.Equal((5, 2, 1), ((int)report["clusters"]!, (int)report["targets"]!, (int)report["succeeded"]!));
        string failure = Assert.Single(UpRun.Lines(run.Error), line => line.StartsWith("shop: 403", StringComparison.Ordinal));
        Assert.Contains("not in this shop", failure, StringComparison.Ordinal);
    }

    /// <summary>An API server that is ready and allows nothing.</summary>
    private static async Task<WebApplication> RefusingClusterAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        WebApplication app = builder.Build();
        app.Run(context =>
        {
            bool asks = context.Request.Path.Value is "/readyz" or "/version";
            context.Response.StatusCode = asks ? 200 : 403;
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(asks
                ? """{"gitVersion":"v0"}"""
                : """{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not in this shop","reason":"Forbidden","code":403}""", Ct);
        });
        await app.StartAsync(Ct);
        return app;
    }
}
