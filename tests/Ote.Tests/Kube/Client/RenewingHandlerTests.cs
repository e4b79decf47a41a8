using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Server.Access;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Kube.Client;

/// <summary>Against a real listener: who asks is who the connection says.</summary>
public sealed class RenewingHandlerTests : IAsyncLifetime
{
    private readonly Scratch _folder = new("renewing");
    private readonly ServerPki _pki = ServerPki.Open(null, "ca", ["localhost"], TimeProvider.System);
    private readonly FakeTimeProvider _time = new();
    private readonly TaskCompletionSource _changed = new();
    private WebApplication _app = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UseUrls("https://127.0.0.1:0").ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https =>
            (https.ServerCertificate, https.ClientCertificateMode, https.ClientCertificateValidation) = (_pki.Serving, ClientCertificateMode.RequireCertificate, (_, _, _) => true)));
        _app = builder.Build();
        _app.Run(async context =>
        {
            var asker = context.Connection.ClientCertificate!.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
            await context.Response.WriteAsync($"{asker} over {context.Connection.Id}\n", Ct);
            if (context.Request.Path == "/watch")
            {
                await context.Response.Body.FlushAsync(Ct);
                await _changed.Task.WaitAsync(Ct);
                await context.Response.WriteAsync("still " + asker, Ct);
            }
        });
        await _app.StartAsync(Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _pki.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public async Task A_second_after_the_file_was_renewed_requests_go_by_the_new_certificate_and_a_watch_that_runs_goes_on(int version, bool live)
    {
        Write("former");
        var endpoint = Kubeconfig.Load(Kubeconfigs());
        using var invoker = live ? endpoint.CreateLiveInvoker(_time) : new HttpMessageInvoker(endpoint.CreateHandler(_time));
        var former = await AskAsync("get");
        Assert.StartsWith("former over ", former, StringComparison.Ordinal);
        using var watch = await OpenAsync("watch");
        using var lines = new StreamReader(await watch.Content.ReadAsStreamAsync(Ct));
        Assert.StartsWith("former over ", await lines.ReadLineAsync(Ct), StringComparison.Ordinal);

        Write("renewed");
        _time.Advance(RenewingHandler.Look);
        var renewed = await AskAsync("get");
        Assert.StartsWith("renewed over ", renewed, StringComparison.Ordinal);
        Assert.Equal(renewed, await AskAsync("get")); // and over one connection, which is kept
        _time.Advance(RenewingHandler.Look);
        Assert.Equal(renewed, await AskAsync("get")); // as it is while nothing changes

        _changed.SetResult();
        Assert.Equal("still former", await lines.ReadToEndAsync(Ct));

        Task<HttpResponseMessage> OpenAsync(string path) => invoker.SendAsync(
            new HttpRequestMessage(HttpMethod.Get, new Uri(endpoint.Server, path)) { Version = new Version(version, version == 1 ? 1 : 0), VersionPolicy = HttpVersionPolicy.RequestVersionExact }, Ct);

        async Task<string> AskAsync(string path)
        {
            using var answer = await OpenAsync(path);
            return await answer.Content.ReadAsStringAsync(Ct);
        }
    }

    [Fact]
    public async Task Requests_at_once_while_the_file_is_renewed_again_and_again_are_all_answered()
    {
        Write("0");
        var endpoint = Kubeconfig.Load(Kubeconfigs());
        using var invoker = new HttpMessageInvoker(endpoint.CreateHandler(_time));
        var askers = Enumerable.Range(0, 8).Select(async _ =>
        {
            for (var i = 0; i < 20; i++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, endpoint.Server);
                using var answer = await invoker.SendAsync(request, Ct);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                _time.Advance(RenewingHandler.Look);
            }
        });
        var asking = Task.WhenAll(askers);
        for (var i = 1; !asking.IsCompleted; i++)
        {
            Write($"{i}");
            await Task.Yield();
        }

        await asking;
    }

    private void Write(string user)
    {
        var (certificate, key) = _pki.IssueClient(new UserInfo(user, []), TimeProvider.System.GetUtcNow());
        File.WriteAllText(_folder["new.pem"], certificate + "\n" + key);
        File.Move(_folder["new.pem"], _folder["client.pem"], overwrite: true);
    }

    private string Kubeconfigs()
    {
        var address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        File.WriteAllText(_folder["ca.pem"], _pki.AuthorityPem);
        File.WriteAllText(_folder["config"], $$$"""
            {"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
             "clusters": [{"name": "c", "cluster": {"server": "{{{address}}}/", "certificate-authority": "ca.pem", "tls-server-name": "localhost"}}],
             "users": [{"name": "u", "user": {"client-certificate": "client.pem", "client-key": "client.pem"}}]}
            """);
        return _folder["config"];
    }
}
