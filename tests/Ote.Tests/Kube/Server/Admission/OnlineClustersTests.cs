using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Server.Admission;

/// <summary>Who deletes a <c>Cluster</c>.</summary>
public sealed class OnlineClustersTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_that_is_online_is_deleted_by_its_controller_alone_and_others_are_told_what_to_do()
    {
        await using var server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", InstallCrds = Crds.Load() }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        using var ann = server.CreateClient(new UserInfo("ann", [UserInfo.Masters]));
        using var controller = server.CreateClient(UserInfo.Component("cluster-controller"));
        await WriteAsync(ann, "c1", "online");
        await WriteAsync(ann, "c2", "offline");
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => ann.DeleteAsync(Kinds.Clusters, null, "c1", Ct));
        Assert.Equal(
            (409, "Operation cannot be fulfilled on clusters.ote.baidu.com \"c1\": it is online, and would be back at once: to forget it, stop its controller and delete it when it is offline; to shut it out, run otectl revoke c1"),
            (refused.Code, refused.Message));
        Assert.NotNull(await ann.GetAsync(Kinds.Clusters, null, "c1", Ct));
        await ann.DeleteAsync(Kinds.Clusters, null, "c2", Ct);
        await controller.DeleteAsync(Kinds.Clusters, null, "c1", Ct); // it was forgotten above
        Assert.Empty((await ann.ListAsync(Kinds.Clusters, null, null, Ct)).Items);
    }

    private static async Task WriteAsync(KubeClient client, string name, string status)
    {
        var cluster = await client.CreateAsync(Kinds.Clusters, null, (JsonObject)JsonNode.Parse($$$"""{"apiVersion":"{{{Kinds.Clusters.ApiVersion}}}","kind":"Cluster","metadata":{"name":"{{{name}}}"},"spec":{"name":"{{{name}}}","uid":"u"} }""")!, Ct);
        cluster["status"] = new JsonObject { ["status"] = status };
        await client.ReplaceStatusAsync(Kinds.Clusters, cluster, Ct);
    }
}
