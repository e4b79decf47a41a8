using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Access.ServiceAccounts;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Access.ServiceAccounts;

/// <summary>Tokens of service accounts: what is in them, who they let in, and when they end.</summary>
public sealed class ServiceAccountTokenTests
{
    private const string Path = "api/v1/namespaces/default/serviceaccounts/robot/token";
    private const string Reviews = "apis/authentication.k8s.io/v1/tokenreviews";
    private const string Issuer = "https://kubernetes.default.svc.cluster.local";
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly ResourceRef Bindings = new("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true);
    private readonly FakeTimeProvider _time = new(Start);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Claims_are_the_real_ones_and_the_signature_fits_the_published_key()
    {
        await using var api = await StartAsync();
        var uid = await AccountAsync(api);
        var token = await AskAsync(api, """{"spec":{"expirationSeconds":1200}}""");
        var parts = token.Split('.');
        var claims = Json(parts[1]);
        Assert.Equal((Issuer, "system:serviceaccount:default:robot", Issuer), (claims.Text("iss"), claims.Text("sub"), claims.Items("aud")!.Single()!.ToString()));
        Assert.Equal((Start.ToUnixTimeSeconds(), Start.ToUnixTimeSeconds(), 1200L), (claims.Whole("iat"), claims.Whole("nbf"), claims.Whole("exp") - claims.Whole("iat")));
        Assert.Equal($$$"""{"namespace":"default","serviceaccount":{"name":"robot","uid":"{{{uid}}}"}}""", claims["kubernetes.io"]!.ToJsonString());

        var (_, discovery) = await api.SendAsync(HttpMethod.Get, ".well-known/openid-configuration");
        Assert.Equal((Issuer, "https://embedded/openid/v1/jwks"), (discovery.Text("issuer"), discovery.Text("jwks_uri")));
        var key = (JsonObject)(await api.SendAsync(HttpMethod.Get, "openid/v1/jwks")).Body.Items("keys")!.Single()!;
        Assert.Equal((key.Text("kid"), "ES256"), (Json(parts[0]).Text("kid"), Json(parts[0]).Text("alg")));
        using var ecdsa = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Base64Url.DecodeFromChars(key.Text("x")), Y = Base64Url.DecodeFromChars(key.Text("y")) },
        });
        Assert.True(ecdsa.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256));
    }

    [Fact]
    public async Task A_token_lets_its_account_in_as_far_as_its_roles_go()
    {
        await using var api = await StartAsync();
        await AccountAsync(api);
        await api.Admin.CreateAsync(Bindings, "default", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "robot" },
            ["roleRef"] = new JsonObject { ["apiGroup"] = "rbac.authorization.k8s.io", ["kind"] = "ClusterRole", ["name"] = "view" },
            ["subjects"] = new JsonArray(new JsonObject { ["kind"] = "ServiceAccount", ["name"] = "robot", ["namespace"] = "default" }),
        }, Token);
        using var robot = await WireAsync(api, await AskAsync(api, "{}"));
        Assert.Equal(HttpStatusCode.OK, await CodeAsync(robot, "api/v1/namespaces/default/pods"));
        Assert.Equal(HttpStatusCode.Forbidden, await CodeAsync(robot, "api/v1/namespaces/kube-system/pods"));
        Assert.Equal(HttpStatusCode.OK, await CodeAsync(robot, "openid/v1/jwks"));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(HttpStatusCode.Unauthorized, await CodeAsync(robot, "api/v1/namespaces/default/pods"));
    }

    [Fact]
    public async Task A_token_ends_with_its_account_also_when_another_of_its_name_comes()
    {
        await using var api = await StartAsync();
        var uid = await AccountAsync(api);
        var token = await AskAsync(api, "{}");
        var known = await ReviewAsync(api, token);
        Assert.Equal(("system:serviceaccount:default:robot", uid, Issuer), (known.Text("user", "username"), known.Text("user", "uid"), known.Items("audiences")!.Single()!.ToString()));
        Assert.Equal(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"], known.At("user", "groups")!.AsArray().Select(g => g!.ToString()));
        await api.Admin.DeleteAsync(Kinds.ServiceAccounts, "default", "robot", Token);
        Assert.Null((await ReviewAsync(api, token)).Truth("authenticated"));
        await AccountAsync(api);
        Assert.Null((await ReviewAsync(api, token)).Truth("authenticated"));
        Assert.True((await ReviewAsync(api, await AskAsync(api, "{}"))).Truth("authenticated"));
    }

    [Fact]
    public async Task A_token_ends_with_the_pod_it_is_bound_to_and_tells_which_it_is()
    {
        await using var api = await StartAsync();
        await AccountAsync(api);
        var pod = new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "p" },
            ["spec"] = new JsonObject { ["serviceAccountName"] = "robot", ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "x" }) },
        };
        var made = await api.Admin.CreateAsync(Kinds.Pods, "default", pod, Token);
        var token = await AskAsync(api, """{"spec":{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"p"}}}""");
        var extra = (await ReviewAsync(api, token)).At("user", "extra") as JsonObject;
        Assert.Equal(("p", made.Uid()), (extra!["authentication.kubernetes.io/pod-name"]![0]!.ToString(), extra["authentication.kubernetes.io/pod-uid"]![0]!.ToString()));
        await api.Admin.DeleteAsync(Kinds.Pods, "default", "p", Token);
        Assert.Null((await ReviewAsync(api, token)).Truth("authenticated"));
    }

    [Fact]
    public async Task A_token_for_others_is_not_for_this_server()
    {
        await using var api = await StartAsync();
        await AccountAsync(api);
        var token = await AskAsync(api, """{"spec":{"audiences":["vault"]}}""");
        Assert.Null((await ReviewAsync(api, token)).Truth("authenticated"));
        Assert.Equal("vault", (await ReviewAsync(api, token, """["vault","other"]""")).Items("audiences")!.Single()!.ToString());
        using var robot = await WireAsync(api, token);
        Assert.Equal(HttpStatusCode.Unauthorized, await CodeAsync(robot, "api"));
    }

    [Fact]
    public async Task What_was_changed_or_signed_by_another_is_nobodys()
    {
        await using var api = await StartAsync();
        await using var other = await StartAsync();
        await AccountAsync(api);
        await AccountAsync(other);
        var token = await AskAsync(api, "{}");
        var parts = token.Split('.');
        var claims = Json(parts[1]);
        claims["sub"] = "system:serviceaccount:kube-system:robot";
        var forged = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()));
        var none = Base64Url.EncodeToString("""{"alg":"none"}"""u8);
        foreach (var wrong in (string[])[await AskAsync(other, "{}"), $"{parts[0]}.{forged}.{parts[2]}", $"{none}.{parts[1]}.", $"{parts[0]}.{parts[1]}.", "a.b.c", "..", $"{parts[0]}.{parts[1]}.!"])
        {
            Assert.Equal("invalid bearer token", (await ReviewAsync(api, wrong)).Text("error"));
        }
    }

    [Theory]
    [InlineData("""{"spec":{"expirationSeconds":599}}""", 422, "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes")]
    [InlineData("""{"spec":{"boundObjectRef":{"apiVersion":"v1","kind":"Node","name":"n"}}}""", 400, "cannot bind token to object of type /v1, Kind=Node")]
    [InlineData("""{"spec":{"boundObjectRef":{"apiVersion":"v1","kind":"Secret","name":"s"}}}""", 404, "secrets \"s\" not found")]
    [InlineData("""{"kind":"Eviction","apiVersion":"policy/v1"}""", 400, "Eviction in version \"policy/v1\" cannot be handled as a TokenRequest")]
    [InlineData("""{"metadata":{"name":"other"}}""", 400, "the name of the service account (other) does not match the one on the URL (robot)")]
    public async Task Requests_that_cannot_be_met_are_told_why(string body, int code, string message)
    {
        await using var api = await StartAsync();
        await AccountAsync(api);
        var (answered, status) = await api.SendAsync(HttpMethod.Post, Path, body);
        Assert.Equal((code, message), (answered, status.Text("message")));
    }

    [Fact]
    public async Task Whoever_acts_as_a_service_account_is_of_its_groups()
    {
        await using var api = await StartAsync();
        using var acting = api.As(UserInfo.Admin);
        acting.Http.DefaultRequestHeaders.Add("Impersonate-User", "system:serviceaccount:default:robot");
        using var asked = new StringContent("{}", Encoding.UTF8, "application/json");
        using var answer = await acting.Http.PostAsync(new Uri("apis/authentication.k8s.io/v1/selfsubjectreviews", UriKind.Relative), asked, Token);
        var who = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Token));
        Assert.Contains("system:serviceaccounts:default", who.At("status", "userInfo", "groups")!.AsArray().Select(g => g!.ToString()));
        using var jane = api.As(new UserInfo("jane", []));
        jane.Http.DefaultRequestHeaders.Add("Impersonate-User", "system:serviceaccount:default:robot");
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => jane.ListAsync(Kinds.Pods, "default", null, Token));
        Assert.Contains("cannot impersonate resource \"serviceaccounts\" in API group \"\" in the namespace \"default\"", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_key_is_kept_in_a_private_file_and_another_in_its_place_is_one_clear_error()
    {
        var folder = Directory.CreateTempSubdirectory("ote-sa-").FullName;
        try
        {
            string token;
            using (var first = TokenSigner.Open(folder))
            {
                token = first.Sign(new JsonObject { ["iss"] = "me" });
            }

            using (var again = TokenSigner.Open(folder))
            {
                Assert.Equal("me", again.Verify(token).Text("iss"));
            }

            var file = System.IO.Path.Combine(folder, TokenSigner.FileName);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            File.WriteAllText(file, "nothing");
            Assert.StartsWith($"{file} is not the key of service account tokens", Assert.Throws<IOException>(() => TokenSigner.Open(folder)).Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static JsonObject Json(string part) => (JsonObject)JsonNode.Parse(Base64Url.DecodeFromChars(part))!;

    private static async Task<string> AccountAsync(ApiServerFixture api) =>
        (await api.Admin.CreateAsync(Kinds.ServiceAccounts, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "robot" } }, Token)).Uid();

    private static async Task<string> AskAsync(ApiServerFixture api, string body)
    {
        var (code, answer) = await api.SendAsync(HttpMethod.Post, Path, body);
        Assert.Equal(201, code);
        return answer.Text("status", "token")!;
    }

    private static async Task<JsonObject> ReviewAsync(ApiServerFixture api, string token, string audiences = "[]")
    {
        var (code, answer) = await api.SendAsync(HttpMethod.Post, Reviews, $$$"""{"spec":{"token":"{{{token}}}","audiences":{{{audiences}}}}}""");
        Assert.Equal(201, code);
        return (JsonObject)answer["status"]!;
    }

    /// <summary>A client over TLS with a bearer token.</summary>
    private async Task<HttpClient> WireAsync(ApiServerFixture api, string token)
    {
        var at = await api.Server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
        using var authority = X509Certificate2.CreateFromPem(api.Server.AuthorityPem);
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { X509CertificateLoader.LoadCertificate(authority.RawData) }, RevocationMode = X509RevocationMode.NoCheck,
            VerificationTime = _time.GetUtcNow().UtcDateTime,
        };
        var client = new HttpClient(handler) { BaseAddress = new Uri($"https://{at}/") };
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    private static async Task<HttpStatusCode> CodeAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(new Uri(path, UriKind.Relative), Token);
        return answer.StatusCode;
    }

    private Task<ApiServerFixture> StartAsync() => ApiServerFixture.StartAsync(time: _time, options: o => o with { BootstrapRoles = true });
}
