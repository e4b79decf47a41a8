using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Ote.Roles.Hosting;

/// <summary><c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c> of a role, over plain HTTP, where and only where the operator asked.</summary>
internal sealed class Observation(WebApplication? app) : IAsyncDisposable
{
    /// <summary>Listens; without an address it does nothing.</summary>
    /// <param name="endPoint">Where; null: nowhere.</param>
    /// <param name="host">Whose meters are shown.</param>
    /// <param name="instance">Which one of all that run it is, such as the cluster's name.</param>
    /// <param name="whyNotReady">What keeps the role from its work, null when nothing does. Called for each question, so it must be quick.</param>
    public static async Task<Observation> StartAsync(IPEndPoint? endPoint, RoleHost host, string instance, Func<string?> whyNotReady)
    {
        if (endPoint is null)
        {
            return new Observation(null);
        }

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(endPoint));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(host.Meters);
        builder.Services.AddSingleton(host.Loggers);
        builder.Services.AddOpenTelemetry().ConfigureResource(r => Describe(r, instance)).WithMetrics(m => m.AddMeter("Ote.*", "System.Runtime").AddPrometheusExporter());
        var app = builder.Build();
        app.UseOpenTelemetryPrometheusScrapingEndpoint();
        app.Run(context => context.Request.Path.Value switch
        {
            "/healthz" => AnswerAsync(context, true, "ok"),
            "/readyz" => whyNotReady() is { } reason ? AnswerAsync(context, false, $"not ready: {reason}") : AnswerAsync(context, true, "ok"),
            _ => AnswerAsync(context, null, "not found: /metrics, /healthz and /readyz are served here"),
        });
        try
        {
            await app.StartAsync(host.Stop).ConfigureAwait(false);
        }
        catch (Exception taken) when (taken is IOException or SocketException) // in use, or no address of this machine
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw new RoleException($"--observe: {endPoint} cannot be listened at ({taken.Message}); choose another address");
        }

        return new Observation(app);
    }

    /// <summary>What <c>target_info</c> says; <c>OTEL_SERVICE_NAME</c> and <c>OTEL_RESOURCE_ATTRIBUTES</c> have the last word.</summary>
    internal static ResourceBuilder Describe(ResourceBuilder resource, string instance) => resource
        .AddService(
            "ote",
            serviceVersion: typeof(Observation).Assembly.GetName().Version?.ToString(3),
            autoGenerateServiceInstanceId: false,
            serviceInstanceId: $"{instance}@{Environment.MachineName}")
        .AddEnvironmentVariableDetector();

    public ValueTask DisposeAsync() => app?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static Task AnswerAsync(HttpContext context, bool? good, string text)
    {
        context.Response.StatusCode = good switch { true => 200, false => 503, null => 404 };
        context.Response.ContentType = "text/plain";
        return context.Response.WriteAsync(text + "\n");
    }
}
