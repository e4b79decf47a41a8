using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Ote.Kube.Client;

namespace Ote.Tests.Kube.Client;

/// <summary>root issued middle, which issued both ends; another root issued another middle of the same name.</summary>
public sealed class TrustAnchorsTests : IDisposable
{
    private static readonly DateTimeOffset s_now = TimeProvider.System.GetUtcNow();
    private static readonly Oid s_server = new("1.3.6.1.5.5.7.3.1"), s_client = new("1.3.6.1.5.5.7.3.2");
    private readonly Dictionary<string, X509Certificate2> _all = new(StringComparer.Ordinal);

    public TrustAnchorsTests()
    {
        foreach (var (name, subject, by) in ((string, string, string?)[])[("root", "root", null), ("middle", "middle", "root"), ("other-root", "root", null), ("other-middle", "middle", "other-root")])
        {
            _all[name] = Issue(subject, by, null);
        }

        _all["client"] = Issue("client", "middle", s_client);
        _all["server"] = Issue("server", "middle", s_server);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var certificate in _all.Values)
        {
            certificate.Dispose();
        }
    }

    [Theory]
    [InlineData("middle", "client", true)] // as in a cluster whose own authority is another's child
    [InlineData("root middle", "client", true)]
    [InlineData("root", "client", false)] // who asks would have to show what lies between
    [InlineData("other-middle", "client", false)]
    [InlineData("other-root other-middle", "client", false)]
    [InlineData("client", "client", false)] // known until it is renewed, and then no more
    [InlineData("server", "client", false)]
    [InlineData("middle", "server", false)] // not for clients
    public void A_client_is_known_by_whoever_issued_its_certificate(string authorities, string shown, bool known) =>
        Assert.Equal(known, TrustAnchors.IssuedClient([.. authorities.Split(' ').Select(name => _all[name])], _all[shown], s_now));

    [Fact]
    public void A_certificate_that_has_run_out_is_known_by_the_time_at_which_it_was_good()
    {
        Assert.False(TrustAnchors.IssuedClient([_all["middle"]], _all["client"], s_now.AddHours(3)));
        Assert.True(TrustAnchors.IssuedClient([_all["middle"]], _all["client"], s_now.AddHours(3), asItWas: true));
        Assert.False(TrustAnchors.IssuedClient([_all["middle"]], _all["client"], s_now.AddHours(-2), asItWas: true)); // not yet
    }

    [Fact]
    public void A_certificate_that_ran_out_before_its_authority_was_issued_anew_is_known_and_one_that_outlived_it_is_not()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var former = Authority(-3, 1);
        using var anew = Authority(-1, 3);
        using var coming = Authority(1, 3);
        using var ended = Authority(-3, -2.5);
        using var clients = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var client = new CertificateRequest("CN=client", clients, HashAlgorithmName.SHA256).Create(former, s_now.AddHours(-2.9), s_now.AddHours(-2), [1]);

        Assert.False(TrustAnchors.IssuedClient([anew], client, s_now));
        Assert.True(TrustAnchors.IssuedClient([anew], client, s_now, asItWas: true));
        Assert.False(TrustAnchors.IssuedClient([coming], client, s_now, asItWas: true));
        Assert.False(TrustAnchors.IssuedClient([ended], client, s_now, asItWas: true));
        Assert.False(TrustAnchors.IssuedClient([_all["middle"]], client, s_now, asItWas: true));

        X509Certificate2 Authority(double from, double to)
        {
            var request = new CertificateRequest("CN=authority", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            return request.CreateSelfSigned(s_now.AddHours(from), s_now.AddHours(to));
        }
    }

    [Theory]
    [InlineData("middle", "api.example.com", null)]
    [InlineData("root middle", "api.example.com", null)]
    [InlineData("server", "api.example.com", null)] // by itself
    [InlineData("other-middle", "api.example.com", "the server's certificate was issued by none of the authorities that the kubeconfig names")]
    [InlineData("other-root", "api.example.com", "the server's certificate was issued by none of the authorities that the kubeconfig names")]
    [InlineData("middle", "elsewhere.example.com", "the server's certificate is good for api.example.com, and not for elsewhere.example.com")]
    [InlineData("middle", null, "the server's certificate is good for api.example.com, and not for 127.0.0.1")]
    public async Task A_server_is_known_by_the_same_and_by_the_name_that_the_kubeconfig_says(string authorities, string? name, string? fault)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UseUrls("https://127.0.0.1:0").ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https =>
            https.ServerCertificateSelector = (_, asked) => asked is null or "" or "api.example.com" or "elsewhere.example.com" ? _all["server"] : null));
        await using var app = builder.Build();
        app.Run(context => context.Response.WriteAsync("known", Ct));
        await app.StartAsync(Ct);
        var endpoint = new KubeEndpoint(new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()))
        {
            Authorities = [.. authorities.Split(' ').Select(one => _all[one])], ServerName = name,
        };
        using var invoker = new HttpMessageInvoker(endpoint.CreateHandler(TimeProvider.System));
        using var request = new HttpRequestMessage(HttpMethod.Get, endpoint.Server);
        if (fault is null)
        {
            using var answer = await invoker.SendAsync(request, Ct);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
        else
        {
            var refused = Assert.IsType<AuthenticationException>((await Assert.ThrowsAsync<HttpRequestException>(() => invoker.SendAsync(request, Ct))).GetBaseException());
            Assert.Equal(fault, refused.Message);
        }
    }

    private X509Certificate2 Issue(string subject, string? by, Oid? usage)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={subject}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(usage is null, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (usage is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("api.example.com");
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([usage], false));
        }

        if (by is null)
        {
            return request.CreateSelfSigned(s_now.AddDays(-1), s_now.AddDays(1));
        }

        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_all[by], true, false));
        using var issued = request.Create(_all[by], s_now.AddHours(-1), s_now.AddHours(2), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }
}
