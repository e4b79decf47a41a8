using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Schema;

/// <summary>The same amount is the same text, whoever wrote it.</summary>
public sealed class CanonicalQuantityTests
{
    private const string Pods = "api/v1/namespaces/default/pods";
    private const string Web = "apis/apps/v1/namespaces/default/deployments/web";

    [Theory]
    [InlineData("1", "1")]
    [InlineData("0.5", "500m")]
    [InlineData("\"0.5\"", "500m")]
    [InlineData("\"1000m\"", "1")]
    [InlineData("\"1024Mi\"", "1Gi")]
    [InlineData("\"1.5Gi\"", "1536Mi")]
    [InlineData("\"2e3\"", "2e3")]
    [InlineData("\"1000\"", "1k")]
    [InlineData("\"100.5Ki\"", "102912")]
    public async Task Quantity_is_stored_in_the_form_that_Kubernetes_gives_it(string written, string stored)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, pod) = await api.SendAsync(HttpMethod.Post, Pods, Pod(written));
        Assert.Equal(201, code);
        Assert.Equal(stored, pod.Items("spec", "containers")![0].Text("resources", "limits", "memory"));
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Put, $"{Pods}/p", Again(pod, written))).Code);
    }

    [Fact]
    public async Task Same_amount_in_other_words_is_no_new_generation()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, "apis/apps/v1/namespaces/default/deployments", Deployment("0.5"));
        foreach (var cpu in (string[])["\"500m\"", "\"0.5\"", "0.50"])
        {
            var (code, same) = await api.SendAsync(HttpMethod.Patch, Web, Deployment(cpu), "application/strategic-merge-patch+json");
            Assert.Equal((200, 1L), (code, same.Whole("metadata", "generation")));
        }

        Assert.Equal(2, (await api.SendAsync(HttpMethod.Patch, Web, Deployment("0.6"), "application/strategic-merge-patch+json")).Body.Whole("metadata", "generation"));
    }

    [Fact]
    public async Task Same_amount_in_other_words_is_no_conflict()
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal(201, (await ApplyAsync("one", "1000m")).Code);
        Assert.Equal(200, (await ApplyAsync("two", "1")).Code);
        Assert.Equal(409, (await ApplyAsync("two", "2")).Code);

        Task<(int Code, JsonObject Body)> ApplyAsync(string manager, string cpu) => api.SendAsync(
            HttpMethod.Patch, $"api/v1/namespaces/default/resourcequotas/q?fieldManager={manager}",
            $"{{\"apiVersion\":\"v1\",\"kind\":\"ResourceQuota\",\"metadata\":{{\"name\":\"q\"}},\"spec\":{{\"hard\":{{\"cpu\":\"{cpu}\"}}}}}}", "application/apply-patch+yaml");
    }

    private static string Pod(string amount) =>
        $$$"""{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"memory":{{{amount}}},"cpu":1},"requests":{"cpu":"0.5"}} }]} }""";

    private static string Again(JsonObject pod, string amount)
    {
        var again = pod.Copy();
        again["spec"]!["containers"]![0]!["resources"]!["limits"]!["memory"] = JsonNode.Parse(amount);
        return again.ToJsonString();
    }

    private static string Deployment(string cpu) => $$$"""
        {"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
        "spec":{"containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":{{{cpu}}}} } }]} } } }
        """;
}
