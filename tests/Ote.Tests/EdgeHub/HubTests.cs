using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeHub;

/// <summary>The hub of a node between an embedded API server and a scripted kubelet.</summary>
public abstract class HubTests : IAsyncLifetime
{
    protected static readonly ListQuery OfNode = new(FieldSelector: "spec.nodeName=n1");

    private protected HubWorld World { get; private set; } = null!;

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => World = await HubWorld.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await World.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected static JsonObject Mirror(string name) => (JsonObject)JsonNode.Parse(
        $$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","namespace":"default","annotations":{"kubernetes.io/config.mirror":"h"}},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""")!;

    protected Task<JsonObject> LabelAsync(string pod, string word) => World.Upstream.PatchAsync(
        Kinds.Pods, "default", pod, PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["word"] = word } } }, Token);

    protected static Task<JsonObject> NodeLabelAsync(KubeClient client, string word) => client.PatchAsync(
        Kinds.Nodes, null, "n1", PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["word"] = word } } }, Token);

    protected Task LabelIsShownAsync(string word) => HubWorld.UntilAsync(
        async () => (await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1")).Single().Labels().Text("word") == word, "the copy has the label");

    protected Task<JsonObject> StatusAsync(string pod, string ip) => World.Node.PatchAsync(
        Kinds.Pods, "default", pod, PatchKind.StrategicMerge, new JsonObject { ["status"] = new JsonObject { ["podIP"] = ip } }, Token, "status");

    protected static async Task<(HttpStatusCode Code, string Text)> HealthAsync(KubeClient client, string path)
    {
        using var answer = await client.Http.GetAsync(new Uri(path, UriKind.Relative), Token);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Token));
    }

    protected static async Task<IReadOnlyList<JsonObject>> ListFromZeroAsync(KubeClient client, string path) => [.. (await FromZeroAsync(client, path)).Items("items")!.OfType<JsonObject>()];

    /// <summary>As a component's reflector begins.</summary>
    protected static Task<JsonObject> FromZeroAsync(KubeClient client, string path) =>
        client.SendAsync(HttpMethod.Get, path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "resourceVersion=0", null, null, Token);
}
