using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Server.Lifecycle;

/// <summary>What a start installs, and what it leaves alone because the last one did it.</summary>
public sealed class InstallTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ote-install-").FullName;
    private int _read;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task AStart_ThatFindsTheDefinitionsAsTheLastOneLeftThem_DoesNotReadThem()
    {
        await StartAsync("one", Served);
        Assert.Equal(1, _read);
        await StartAsync("one", Served);
        Assert.Equal(1, _read);
    }

    [Fact]
    public async Task ADefinitionThatSomebodyChanged_IsPutRightAtTheNextStart()
    {
        await StartAsync("one", async client =>
        {
            var crd = await client.GetAsync(Kinds.CustomResourceDefinitions, null, "clusters.ote.baidu.com", Token);
            crd!["spec"]!["names"]!["shortNames"] = new JsonArray("changed");
            await client.ReplaceAsync(Kinds.CustomResourceDefinitions, crd, Token);
        });
        await StartAsync("one", async client =>
        {
            var crd = await client.GetAsync(Kinds.CustomResourceDefinitions, null, "clusters.ote.baidu.com", Token);
            Assert.DoesNotContain("changed", crd!["spec"]!["names"]!.ToJsonString(), StringComparison.Ordinal);
        });
        Assert.Equal(2, _read);
    }

    [Fact]
    public async Task ADefinitionThatSomebodyDeleted_IsThereAgainAfterTheNextStart()
    {
        await StartAsync("one", client => client.DeleteAsync(Kinds.CustomResourceDefinitions, null, "jointokens.ote.baidu.com", Token));
        await StartAsync("one", Served);
        Assert.Equal(2, _read);
    }

    [Fact]
    public async Task OtherDefinitions_AreInstalled()
    {
        await StartAsync("one", Served);
        await StartAsync("two", Served);
        Assert.Equal(2, _read);
    }

    [Fact]
    public async Task WithoutAFingerprint_EachStartComparesThem()
    {
        await StartAsync(null, Served);
        await StartAsync(null, Served);
        Assert.Equal(2, _read);
    }

    private static async Task Served(KubeClient client)
    {
        Assert.Empty((await client.ListAsync(Kinds.Clusters, null, null, Token)).Items);
        Assert.Empty((await client.ListAsync(Kinds.JoinTokens, null, null, Token)).Items);
    }

    private async Task StartAsync(string? fingerprint, Func<KubeClient, Task> then)
    {
        var options = new ApiServerOptions { Name = "test", DataDirectory = _directory, InstallCrds = Definitions(), InstallFingerprint = fingerprint };
        await using var server = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Token);
        using var client = server.CreateClient(UserInfo.Admin);
        await then(client);
    }

    private IEnumerable<JsonObject> Definitions()
    {
        _read++;
        foreach (var definition in Crds.Load())
        {
            yield return definition;
        }
    }
}
