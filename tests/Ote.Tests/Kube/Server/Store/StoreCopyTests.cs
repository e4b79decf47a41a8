using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Kube.Server.Store;

/// <summary>A copy holds what was acknowledged, and a server that starts from one cannot be taken for the former one.</summary>
public sealed class StoreCopyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-copy-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Copy => Path.Combine(Restored, StoreCopy.FileName);

    private string Restored => Path.Combine(_folder, "restored");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Copy_TakenWhileMuchIsWritten_HoldsAllThatWasAcknowledgedBefore_AndIsTheOwnersAlone()
    {
        await using var server = await StartAsync("former");
        using var api = server.CreateClient(UserInfo.Admin);
        var acknowledged = 0;
        using var enough = new CancellationTokenSource();
        var writing = Task.Run(
            async () =>
            {
                while (!enough.IsCancellationRequested)
                {
                    await api.CreateAsync(Kinds.ConfigMaps, "default", Map($"m{acknowledged:d6}"), Token);
                    Interlocked.Increment(ref acknowledged);
                }
            },
            Token);
        while (Volatile.Read(ref acknowledged) < 50)
        {
            await Task.Yield();
        }

        Directory.CreateDirectory(Restored);
        var before = Volatile.Read(ref acknowledged);
        StoreCopy.Take(Path.Combine(_folder, "former"), Copy);
        await enough.CancelAsync();
        await writing;

        StoreCopy.Check(Copy);
        var held = StoreCopy.Read(Copy, "/configmaps").Select(m => m.Name()).ToHashSet();
        Assert.All(Enumerable.Range(0, before), i => Assert.Contains($"m{i:d6}", held));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Copy));
    }

    [Fact]
    public async Task Server_StartedFromACopy_GivesNoRevisionOrGenerationAgain_AndEndsWatchesOfTheFormerOne()
    {
        string seen;
        await using (var server = await StartAsync("former"))
        {
            using var api = server.CreateClient(UserInfo.Admin);
            await api.CreateAsync(Kinds.ClusterControllers, "default", Command("before"), Token);
            await api.CreateAsync(Kinds.ClusterControllers, "default", Command("gone"), Token);
            await api.DeleteAsync(Kinds.ClusterControllers, "default", "gone", Token);
            Directory.CreateDirectory(Restored);
            StoreCopy.Take(Path.Combine(_folder, "former"), Copy);
            seen = (await EditAsync(api, "before", "/after-the-copy")).ResourceVersion();
        }

        StoreCopy.Renew(Copy, revision: 5_000_000, generation: 7000);
        await using var again = await StartAsync("restored");
        using var restored = again.CreateClient(UserInfo.Admin);
        var kept = Assert.Single((await restored.ListAsync(Kinds.ClusterControllers, "default", null, Token)).Items);
        Assert.Equal(("before", 1L), (kept.Name(), kept.Generation()));
        var expired = await Assert.ThrowsAsync<KubeStatusException>(async () =>
        {
            await foreach (var change in restored.WatchAsync(Kinds.ClusterControllers, "default", null, seen, Token))
            {
                Assert.Fail($"the watch went on with {change.Type}");
            }
        });
        Assert.True(expired.IsExpired);
        var edited = await EditAsync(restored, "before", "/other");
        Assert.True(edited.Generation() >= 7000, $"generation {edited.Generation()}");
        Assert.True(long.Parse(edited.ResourceVersion(), null) > 5_000_000, edited.ResourceVersion());
        Assert.Equal(edited.Generation() + 1, (await EditAsync(restored, "before", "/again")).Generation());
    }

    [Fact]
    public void Copy_ThatIsDamaged_IsRefusedByName()
    {
        Directory.CreateDirectory(Restored);
        File.WriteAllText(Copy, new string('x', 10_000));
        Assert.Contains(Copy, Assert.Throws<IOException>(() => StoreCopy.Check(Copy)).Message, StringComparison.Ordinal);
    }

    private static async Task<JsonObject> EditAsync(KubeClient api, string name, string url) => await api.PatchAsync(
        Kinds.ClusterControllers, "default", name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["url"] = url } }, Token);

    private static JsonObject Map(string name) => new() { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = name } };

    private static JsonObject Command(string name) => new()
    {
        ["apiVersion"] = "ote.baidu.com/v1",
        ["kind"] = "ClusterController",
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject { ["clusterSelector"] = "*", ["method"] = "GET", ["url"] = "/version" },
    };

    private Task<ApiServer> StartAsync(string folder) => ApiServer.StartAsync(
        new ApiServerOptions { Name = "root", DataDirectory = Path.Combine(_folder, folder), InstallCrds = Crds.Load() }, NullLoggerFactory.Instance, TimeProvider.System, Token);
}
