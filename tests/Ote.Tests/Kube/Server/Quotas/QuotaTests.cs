using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Quotas;

/// <summary>What ResourceQuotas count and refuse. The words are compared with the real server's by the conformance script's section "quotas".</summary>
public sealed class QuotaTests
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string Stored = "/api/v1/namespaces/default/resourcequotas";
    private static readonly ResourceRef s_quotas = new("", "v1", "resourcequotas", "ResourceQuota", true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ManyAtOnce_GetWhatIsAllowedAndNoMore(bool onDisk)
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        // Right after the quotas, when nobody has counted yet.
        await LimitAsync(api, "a", """{"pods":7}""");
        await LimitAsync(api, "b", """{"requests.cpu":"500m"}""");
        var codes = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => CodeAsync(api, $"p{i}", """{"requests":{"cpu":"100m"}}""")));
        Assert.Equal((5, 35), (codes.Count(c => c == 201), codes.Count(c => c == 403)));
        // At once, and nothing is left over of what was refused.
        Assert.Equal(("5", "500m"), (await UsedAsync(api, "a", "pods"), await UsedAsync(api, "b", "requests.cpu")));
    }

    [Fact]
    public async Task Refusal_TellsWhatWasAskedUsedAndAllowed()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, "q", """{"pods":"2","requests.memory":"1Gi","limits.cpu":"1"}""");
        Assert.Equal("pods \"p\" is forbidden: failed quota: q: must specify limits.cpu,requests.memory", await WordsAsync(api, "p", "{}"));
        Assert.Equal(201, await CodeAsync(api, "p", """{"requests":{"memory":"600Mi"},"limits":{"cpu":"0.5"}}"""));
        Assert.Equal(
            "pods \"more\" is forbidden: exceeded quota: q, requested: limits.cpu=600m,requests.memory=512Mi, used: limits.cpu=500m,requests.memory=600Mi, limited: limits.cpu=1,requests.memory=1Gi",
            await WordsAsync(api, "more", """{"requests":{"memory":"0.5Gi"},"limits":{"cpu":"600m"}}"""));
        Assert.Equal("1", await UsedAsync(api, "q", "pods"));
    }

    [Fact]
    public async Task WhatIsThereWhenAQuotaComes_Counts()
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal(201, await CodeAsync(api, "before", "{}"));
        await LimitAsync(api, "q", """{"pods":"1","count/pods":"5","configmaps":"3","count/widgets.example.org":"1"}""");
        Assert.Equal(403, await CodeAsync(api, "after", "{}"));
        var status = await UntilAsync(api, "q", used => used.Count == 3);
        Assert.Equal("""{"configmaps":"0","count/pods":"1","pods":"1"}""", status["used"]!.ToJsonString());
        Assert.Equal("""{"configmaps":"3","count/pods":"5","count/widgets.example.org":"1","pods":"1"}""", status["hard"]!.ToJsonString());
    }

    [Fact]
    public async Task PodThatEndsOrGoes_IsCountedOut()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, "q", """{"pods":"2","count/pods":"9"}""");
        Assert.Equal((201, 201, 403), (await CodeAsync(api, "a", "{}"), await CodeAsync(api, "b", "{}"), await CodeAsync(api, "c", "{}")));
        await api.SendAsync(HttpMethod.Patch, $"{Pods}/a/status", """{"status":{"phase":"Succeeded"}}""", "application/merge-patch+json");
        await UntilAsync(api, "q", used => used.Text("pods") == "1" && used.Text("count/pods") == "2");
        await api.SendAsync(HttpMethod.Delete, $"{Pods}/b");
        await UntilAsync(api, "q", used => used.Text("pods") == "0" && used.Text("count/pods") == "1");
        Assert.Equal((201, 201, 403), (await CodeAsync(api, "c", "{}"), await CodeAsync(api, "d", "{}"), await CodeAsync(api, "e", "{}")));
    }

    [Fact]
    public async Task WriteThatFails_GivesBackWhatItWasGranted()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, "q", """{"pods":"9"}""");
        Assert.Equal((201, 409), (await CodeAsync(api, "a", "{}"), await CodeAsync(api, "a", "{}")));
        Assert.Equal("1", await UsedAsync(api, "q", "pods"));
    }

    [Fact]
    public async Task DryRun_IsJudgedAndNotCounted()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, "q", """{"pods":"1"}""");
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, $"{Pods}?dryRun=All", Pod("a", "{}"))).Code);
        Assert.Equal("0", await UsedAsync(api, "q", "pods"));
        Assert.Equal(201, await CodeAsync(api, "a", "{}"));
        Assert.Equal(403, (await api.SendAsync(HttpMethod.Post, $"{Pods}?dryRun=All", Pod("b", "{}"))).Code);
    }

    [Fact]
    public async Task ChangeOfAService_IsChargedForWhatItUsesMore()
    {
        const string Services = "/api/v1/namespaces/default/services";
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, "q", """{"services.nodeports":"1"}""");
        await api.SendAsync(HttpMethod.Post, Services, """{"metadata":{"name":"s"},"spec":{"ports":[{"name":"a","port":80},{"name":"b","port":81}]}}""");
        var (code, refused) = await api.SendAsync(HttpMethod.Patch, $"{Services}/s", """{"spec":{"type":"NodePort"}}""", "application/merge-patch+json");
        Assert.Equal(
            (403, "services \"s\" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1"), (code, refused.Text("message")));
        await api.SendAsync(HttpMethod.Patch, $"{Services}/s", """{"spec":{"ports":[{"name":"a","port":80}]}}""", "application/merge-patch+json");
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Patch, $"{Services}/s", """{"spec":{"type":"NodePort"}}""", "application/merge-patch+json")).Code);
        await UntilAsync(api, "q", used => used.Text("services.nodeports") == "1");
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Patch, $"{Services}/s", """{"spec":{"type":"ClusterIP"}}""", "application/merge-patch+json")).Code);
        await UntilAsync(api, "q", used => used.Text("services.nodeports") == "0");
    }

    [Fact]
    public async Task BesideAControllerManager_ItChargesWhatThatHasCounted_AndCountsNothingItself()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { CollectsGarbage = false });
        await LimitAsync(api, "q", """{"pods":"2"}""");
        // Nobody has counted yet: nothing is in force, as in the real server.
        Assert.Equal(201, await CodeAsync(api, "a", "{}"));
        Assert.Null(await UsedAsync(api, "q", "pods"));
        await api.SendAsync(HttpMethod.Patch, $"{Stored}/q/status", """{"status":{"hard":{"pods":"2"},"used":{"pods":"1"}}}""", "application/merge-patch+json");
        Assert.Equal((201, 403), (await CodeAsync(api, "b", "{}"), await CodeAsync(api, "c", "{}")));
        Assert.Equal("2", await UsedAsync(api, "q", "pods"));
        // What it counts is what holds, also where it is wrong.
        await api.SendAsync(HttpMethod.Patch, $"{Stored}/q/status", """{"status":{"used":{"pods":"0"}}}""", "application/merge-patch+json");
        Assert.Equal((201, 201, 403), (await CodeAsync(api, "c", "{}"), await CodeAsync(api, "d", "{}"), await CodeAsync(api, "e", "{}")));
    }

    [Fact]
    public async Task RestartedServer_CountsWhatIsStored()
    {
        var folder = Directory.CreateTempSubdirectory("ote-quotas-").FullName;
        try
        {
            var options = new ApiServerOptions { DataDirectory = folder };
            await using (var before = await ApiServer.StartAsync(options with { CollectsGarbage = false }, NullLoggerFactory.Instance, TimeProvider.System, Token))
            {
                using var admin = before.CreateClient(UserInfo.Admin);
                await admin.CreateAsync(s_quotas, "default", (JsonObject)JsonNode.Parse("""{"metadata":{"name":"q"},"spec":{"hard":{"pods":"1"}}}""")!, Token);
                await admin.CreateAsync(Kinds.Pods, "default", (JsonObject)JsonNode.Parse(Pod("a", "{}"))!, Token);
            }

            await using var server = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Token);
            using var client = server.CreateClient(UserInfo.Admin);
            var refused = await Assert.ThrowsAsync<KubeStatusException>(() => client.CreateAsync(Kinds.Pods, "default", (JsonObject)JsonNode.Parse(Pod("b", "{}"))!, Token));
            Assert.Equal("pods \"b\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1", refused.Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task LimitAsync(ApiServerFixture api, string name, string hard) =>
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, Stored, $$"""{"metadata":{"name":"{{name}}"},"spec":{"hard":{{hard}} } }""")).Code);

    private static async Task<int> CodeAsync(ApiServerFixture api, string name, string resources) => (await api.SendAsync(HttpMethod.Post, Pods, Pod(name, resources))).Code;

    private static async Task<string?> WordsAsync(ApiServerFixture api, string name, string resources) => (await api.SendAsync(HttpMethod.Post, Pods, Pod(name, resources))).Body.Text("message");

    private static string Pod(string name, string resources) =>
        """{"metadata":{"name":"NAME"},"spec":{"containers":[{"name":"c","image":"x:1","resources":RESOURCES}]}}""".Replace("NAME", name, StringComparison.Ordinal).Replace("RESOURCES", resources, StringComparison.Ordinal);

    private static async Task<string?> UsedAsync(ApiServerFixture api, string quota, string name) => (await api.Admin.GetAsync(s_quotas, "default", quota, Token)).Text("status", "used", name);

    /// <summary>Waits until a quota shows what is wanted; returns its status.</summary>
    private static async Task<JsonObject> UntilAsync(ApiServerFixture api, string name, Func<JsonObject, bool> wanted)
    {
        var list = await api.Admin.ListAsync(s_quotas, "default", null, Token);
        static JsonObject Used(JsonObject quota) => quota.At("status", "used") as JsonObject ?? [];
        if (list.Items.FirstOrDefault(q => q.Name() == name && wanted(Used(q))) is { } there)
        {
            return (JsonObject)there["status"]!;
        }

        await foreach (var change in api.Admin.WatchAsync(s_quotas, "default", null, list.ResourceVersion, Token))
        {
            if (change.Object.Name() == name && wanted(Used(change.Object)))
            {
                return (JsonObject)change.Object["status"]!;
            }
        }

        throw new InvalidOperationException($"the watch ended before {name} was as wanted");
    }
}
