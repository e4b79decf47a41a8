using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Access;

/// <summary>Who gets in over TLS, and as whom.</summary>
public sealed class ListenerAccessTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AdminKubeconfig_IsPrivate_AndLetsInOverTls()
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk: true);
        var at = await api.Server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
        var file = Path.Combine(Path.GetTempPath(), $"ote-{Guid.NewGuid():N}.kubeconfig");
        try
        {
            await api.Server.WriteAdminKubeconfigAsync(file, new Uri($"https://{at}"), Token);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            using var client = new KubeClient(Kubeconfig.Load(file).CreateHttpClient(TimeProvider.System));
            Assert.Equal("default", (await client.GetAsync(Kinds.Namespaces, null, "default", Token))!.Name());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Certificate_NamesUserAndGroups()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var refused = await GetAsync(api, "api/v1/namespaces/default/pods", certificate: Issue(api.Server, new UserInfo("jane", ["dev"])));
        Assert.Equal(403, refused.Code);
        Assert.Equal("pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"", refused.Body.Text("message"));
        Assert.Equal(200, (await GetAsync(api, "api/v1/namespaces/default/pods", certificate: Issue(api.Server, new UserInfo("boss", [UserInfo.Masters])))).Code);
    }

    [Fact]
    public async Task Certificate_OfAnotherAuthority_IsNobody()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await using var other = await ApiServerFixture.StartAsync();
        Assert.Equal(401, (await GetAsync(api, "api/v1/pods", certificate: Issue(other.Server, new UserInfo("boss", [UserInfo.Masters])))).Code);
    }

    [Fact]
    public async Task Token_NamesItsUser_AndAWrongOneIsNobody()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with
        {
            Tokens = new Dictionary<string, UserInfo> { ["secret"] = new("robot", [UserInfo.Masters]), ["weak"] = new("guest", []) },
        });
        Assert.Equal(200, (await GetAsync(api, "api/v1/pods", bearer: "secret")).Code);
        Assert.Equal(403, (await GetAsync(api, "api/v1/pods", bearer: "weak")).Code);
        Assert.Equal(401, (await GetAsync(api, "api/v1/pods", bearer: "guessed")).Code);
    }

    [Theory]
    [InlineData("version", 200)]
    [InlineData("api/v1/pods", 401)]
    [InlineData("apis", 401)]
    [InlineData("openapi/v2", 401)]
    public async Task Nobody_SeesHealthAndVersionAlone(string path, int code)
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal(code, (await GetAsync(api, path)).Code);
    }

    [Fact]
    public async Task Impersonation_IsForMastersAlone()
    {
        await using var api = await ApiServerFixture.StartAsync();
        using var asJane = api.As(UserInfo.Admin);
        asJane.Http.DefaultRequestHeaders.Add("Impersonate-User", "jane");
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => asJane.ListAsync(Kinds.Pods, "default", null, Token));
        Assert.Contains("User \"jane\" cannot list", refused.Message, StringComparison.Ordinal);
        using var asBoss = api.As(new UserInfo("jane", ["dev"]));
        asBoss.Http.DefaultRequestHeaders.Add("Impersonate-User", "boss");
        refused = await Assert.ThrowsAsync<KubeStatusException>(() => asBoss.ListAsync(Kinds.Pods, "default", null, Token));
        Assert.Contains("User \"jane\" cannot impersonate resource \"users\"", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PortTaken_IsOneClearError()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var at = await api.Server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
        var refused = await Assert.ThrowsAsync<IOException>(() => api.Server.ListenAsync(at, Token));
        Assert.Contains($"Cannot listen on {at}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pki_IsKept_InPrivateFiles()
    {
        var directory = Path.Combine(Path.GetTempPath(), $"ote-pki-{Guid.NewGuid():N}");
        try
        {
            using var first = ServerPki.Open(directory, "t", ["localhost"], TimeProvider.System);
            using var second = ServerPki.Open(directory, "t", ["localhost"], TimeProvider.System);
            Assert.Equal(first.AuthorityPem, second.AuthorityPem);
            Assert.Equal(first.Serving.Thumbprint, second.Serving.Thumbprint);
            Assert.All(Directory.GetFiles(directory), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
            using var wider = ServerPki.Open(directory, "t", ["localhost", "edge.example"], TimeProvider.System);
            Assert.NotEqual(first.Serving.Thumbprint, wider.Serving.Thumbprint);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static X509Certificate2 Issue(ApiServer server, UserInfo user)
    {
        var (certificate, key) = server.IssueClientCertificate(user);
        using var pem = X509Certificate2.CreateFromPem(certificate, key);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    private static async Task<(int Code, JsonObject Body)> GetAsync(ApiServerFixture api, string path, X509Certificate2? certificate = null, string? bearer = null)
    {
        var at = await api.Server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
        using var authority = X509Certificate2.CreateFromPem(api.Server.AuthorityPem);
        using var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck,
                },
                ClientCertificates = certificate is null ? null : [certificate],
            },
        };
        using var client = new HttpClient(handler) { BaseAddress = new Uri($"https://{at}/") };
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (bearer is not null)
        {
            request.Headers.Authorization = new("Bearer", bearer);
        }

        using var answer = await client.SendAsync(request, Token);
        return ((int)answer.StatusCode, (JsonObject)JsonNode.Parse(await answer.Content.ReadAsStringAsync(Token))!);
    }
}
