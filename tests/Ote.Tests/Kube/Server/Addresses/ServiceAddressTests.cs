using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Addresses;

/// <summary>What Services get and may not take from each other. The words are compared with the real server's by the conformance script's section "services".</summary>
public sealed class ServiceAddressTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Service_GetsAnAddressAndNodePortsThatNoOtherHas()
    {
        await using var api = await ApiServerFixture.StartAsync();
        List<JsonObject> made = [];
        for (var i = 0; i < 50; i++)
        {
            made.Add(await api.Admin.CreateAsync(Kinds.Services, "default", Service($"s{i}", """{"type":"NodePort","ports":[{"port":80}]}"""), Token));
        }

        Assert.Equal(50, made.Select(s => s.Text("spec", "clusterIP")).Distinct().Count());
        Assert.Equal(50, made.Select(Port).Distinct().Count());
        Assert.All(made, s => Assert.True(IPNetwork.Parse("10.96.0.0/16").Contains(IPAddress.Parse(s.Text("spec", "clusterIP")!))));
        Assert.All(made, s => Assert.InRange(Port(s)!.Value, 30000, 32767));
        Assert.All(made, s => Assert.Equal(s.Text("spec", "clusterIP"), s.Items("spec", "clusterIPs")![0].Text()));
    }

    [Fact]
    public async Task OneAddressAskedForByMany_IsGivenToOne()
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk: true);
        var codes = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => CodeAsync(api, Service($"s{i}", """{"type":"NodePort","clusterIP":"10.96.0.7","ports":[{"port":80,"nodePort":30007}]}"""))));
        Assert.Equal((1, 39), (codes.Count(c => c == 201), codes.Count(c => c == 422)));
        // What was refused holds nothing: the other of the two is free for the next.
        Assert.Equal(201, await CodeAsync(api, Service("next", """{"type":"NodePort","clusterIP":"10.96.0.8","ports":[{"port":80,"nodePort":30008}]}""")));
    }

    [Fact]
    public async Task TheLastFreePorts_AreDealtOutOnce()
    {
        await using var api = await ApiServerFixture.StartAsync();
        // 2768 ports, of which all but eight are taken by 55 Services of at most 50 ports and one of ten.
        for (var i = 0; i < 56; i++)
        {
            var ports = string.Join(',', Enumerable.Range(0, i < 55 ? 50 : 10).Select(p => $$"""{"name":"p{{p}}","port":{{p + 1}}}"""));
            Assert.Equal(201, await CodeAsync(api, Service($"many{i}", $$"""{"type":"NodePort","ports":[{{ports}}]}""")));
        }

        var codes = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => CodeAsync(api, Service($"s{i}", """{"type":"NodePort","ports":[{"port":80}]}"""))));
        Assert.Equal((8, 12), (codes.Count(c => c == 201), codes.Count(c => c == 500)));
        await api.Admin.DeleteAsync(Kinds.Services, "default", "many55", Token);
        Assert.Equal(201, await CodeAsync(api, Service("after", """{"type":"NodePort","ports":[{"port":80}]}""")));
    }

    [Theory]
    [InlineData("""{"clusterIP":"10.96.0.7","ports":[{"port":80}]}""", "spec.clusterIPs", "provided IP is already allocated")]
    [InlineData("""{"clusterIP":"10.97.0.7","ports":[{"port":80}]}""", "spec.clusterIPs", "provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/16")]
    [InlineData("""{"type":"NodePort","ports":[{"port":80,"nodePort":30007}]}""", "spec.ports[0].nodePort", "provided port is already allocated")]
    [InlineData("""{"type":"NodePort","ports":[{"port":80,"nodePort":80}]}""", "spec.ports[0].nodePort", "provided port is not in the valid range. The range of valid ports is 30000-32767")]
    public async Task WhatIsTakenOrOutOfRange_IsRefused_AfterARestartToo(string spec, string field, string words)
    {
        var folder = Directory.CreateTempSubdirectory("ote-addresses-").FullName;
        try
        {
            for (var life = 0; life < 2; life++)
            {
                await using var server = await ApiServer.StartAsync(new ApiServerOptions { DataDirectory = folder }, NullLoggerFactory.Instance, TimeProvider.System, Token);
                using var admin = server.CreateClient(UserInfo.Admin);
                if (life == 0)
                {
                    await admin.CreateAsync(Kinds.Services, "default", Service("holder", """{"type":"NodePort","clusterIP":"10.96.0.7","ports":[{"port":80,"nodePort":30007}]}"""), Token);
                }

                var refused = await Assert.ThrowsAsync<KubeStatusException>(() => admin.CreateAsync(Kinds.Services, "default", Service("late", spec), Token));
                Assert.Equal(422, refused.Code);
                Assert.Contains($"{field}: Invalid value: ", refused.Message, StringComparison.Ordinal);
                Assert.EndsWith(words, refused.Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task DryRun_ShowsAnAddress_AndKeepsNone()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var spec = """{"clusterIP":"10.96.0.7","ports":[{"port":80}]}""";
        for (var i = 0; i < 2; i++)
        {
            var (code, shown) = await api.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/services?dryRun=All", Service("s", spec).ToJsonString());
            Assert.Equal((201, "10.96.0.7"), (code, shown.Text("spec", "clusterIP")));
        }

        Assert.Equal(201, await CodeAsync(api, Service("other", spec)));
        var (refused, _) = await api.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/services?dryRun=All", Service("s", spec).ToJsonString());
        Assert.Equal(422, refused);
    }

    [Fact]
    public async Task NodePortThatAWriterDoesNotSpeakOf_Stays_AndGoesWithTheType()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.Admin.CreateAsync(Kinds.Services, "default", Service("s", """{"type":"NodePort","ports":[{"name":"a","port":80,"nodePort":30007},{"name":"b","port":81,"nodePort":30008}]}"""), Token);
        var (code, replaced) = await api.SendAsync(
            HttpMethod.Put, "/api/v1/namespaces/default/services/s",
            Service("s", """{"type":"NodePort","ports":[{"name":"b","port":91},{"name":"c","port":92,"nodePort":30007},{"name":"a","port":90}]}""").ToJsonString());
        Assert.Equal(200, code);
        var ports = replaced.Items("spec", "ports")!.Select(p => p.Whole("nodePort") ?? 0).ToList();
        // The name says which is whose, but what the writer gave to another is not given twice.
        Assert.Equal((30008L, 30007L), (ports[0], ports[1]));
        Assert.DoesNotContain(ports[2], (long[])[0, 30007, 30008]);
        var inner = await api.Admin.PatchAsync(Kinds.Services, "default", "s", PatchKind.Merge, (JsonObject)JsonNode.Parse("""{"spec":{"type":"ClusterIP"}}""")!, Token);
        Assert.All(inner.Items("spec", "ports")!, p => Assert.Null(p.Whole("nodePort")));
        Assert.Equal(201, await CodeAsync(api, Service("next", """{"type":"NodePort","ports":[{"port":80,"nodePort":30008}]}""")));
    }

    [Fact]
    public async Task WithoutARange_AddressesAreTakenAsTheyCome()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { ServiceClusterIPRange = null });
        Assert.Equal(201, await CodeAsync(api, Service("a", """{"clusterIP":"192.0.2.7","ports":[{"port":80}]}""")));
        Assert.Equal(201, await CodeAsync(api, Service("b", """{"clusterIP":"192.0.2.7","ports":[{"port":80}]}""")));
        Assert.Null((await api.Admin.CreateAsync(Kinds.Services, "default", Service("c", """{"ports":[{"port":80}]}"""), Token)).Text("spec", "clusterIP"));
    }

    [Fact]
    public async Task ServiceLeftWithoutAnAddress_GetsOneWithItsNextChange()
    {
        var folder = Directory.CreateTempSubdirectory("ote-addresses-").FullName;
        try
        {
            var options = new ApiServerOptions { DataDirectory = folder };
            await using (var before = await ApiServer.StartAsync(options with { ServiceClusterIPRange = null }, NullLoggerFactory.Instance, TimeProvider.System, Token))
            {
                using var admin = before.CreateClient(UserInfo.Admin);
                await admin.CreateAsync(Kinds.Services, "default", Service("old", """{"ports":[{"port":80}]}"""), Token);
            }

            await using var server = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Token);
            using var client = server.CreateClient(UserInfo.Admin);
            var patched = await client.PatchAsync(Kinds.Services, "default", "old", PatchKind.Merge, new JsonObject(), Token);
            Assert.StartsWith("10.96.", patched.Text("spec", "clusterIP"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("10.96.0.0/30")]
    [InlineData("10.0.0.0/7")]
    [InlineData("fd00::/112")]
    public async Task RangeThatCannotBeDealtOut_IsRefusedAtTheStart(string range)
    {
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => ApiServerFixture.StartAsync(options: o => o with { ServiceClusterIPRange = IPNetwork.Parse(range) }));
        Assert.Contains($"cluster IPs cannot be dealt out of {range}", refused.Message, StringComparison.Ordinal);
    }

    private static long? Port(JsonObject service) => service.Items("spec", "ports")![0].Whole("nodePort");

    private static async Task<int> CodeAsync(ApiServerFixture api, JsonObject service) =>
        (await api.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/services", service.ToJsonString())).Code;

    private static JsonObject Service(string name, string spec) => new() { ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = JsonNode.Parse(spec) };
}
