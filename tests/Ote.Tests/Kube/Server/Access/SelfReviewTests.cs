using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Access;

/// <summary>What <c>kubectl auth can-i</c> asks.</summary>
public sealed class SelfReviewTests
{
    private const string Path = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("ote:commanders:shop", """{"resourceAttributes":{"verb":"create","group":"ote.baidu.com","resource":"clustercontrollers","namespace":"shop"}}""", true)]
    [InlineData("ote:commanders:shop", """{"resourceAttributes":{"verb":"create","group":"ote.baidu.com","resource":"clustercontrollers","namespace":"other"}}""", false)]
    [InlineData("ote:commanders:shop", """{"resourceAttributes":{"verb":"update","group":"ote.baidu.com","resource":"clustercontrollers","subresource":"status","namespace":"shop"}}""", false)]
    [InlineData("ote:commanders:shop", """{"resourceAttributes":{"verb":"get","resource":"namespaces","name":"shop"}}""", false)]
    [InlineData("system:masters", """{"resourceAttributes":{"verb":"*","group":"*","resource":"*"}}""", true)]
    [InlineData("nobody", """{"nonResourceAttributes":{"verb":"get","path":"/healthz"}}""", true)]
    [InlineData("nobody", """{"nonResourceAttributes":{"verb":"get","path":"/apis"}}""", false)]
    public async Task Known_user_is_told_what_they_may_do(string group, string spec, bool allowed)
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { Authorizer = new CommanderAuthorizer() });
        var asked = new JsonObject { ["spec"] = JsonNode.Parse(spec) };
        var told = await api.As(new UserInfo("jo", [group])).SendAsync(HttpMethod.Post, Path, asked, new MediaTypeHeaderValue("application/json"), Ct);
        Assert.Equal(("SelfSubjectAccessReview", allowed), (told.Text("kind"), told.Truth("status", "allowed")));
        Assert.Equal(spec, told["spec"]!.ToJsonString());
    }

    [Fact]
    public async Task Nobody_and_nothing_are_refused()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var type = new MediaTypeHeaderValue("application/json");
        Assert.Equal(401, (await Assert.ThrowsAsync<KubeStatusException>(() => api.As(UserInfo.Anonymous).SendAsync(HttpMethod.Post, Path, new JsonObject(), type, Ct))).Code);
        Assert.Equal(422, (await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.SendAsync(HttpMethod.Post, Path, new JsonObject(), type, Ct))).Code);
        Assert.Equal(405, (await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.SendAsync(HttpMethod.Get, Path, null, null, Ct))).Code);
    }
}
