using System.Net;
using System.Text.Json;
using k8s;
using k8s.Autorest;
using k8s.Models;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Clients;

/// <summary>The official C# client (NuGet KubernetesClient), as it comes, against both servers.</summary>
public sealed class OfficialClientTests(RealClusters clusters)
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ServerUnderTest.Embedded)]
    [InlineData(ServerUnderTest.Real)]
    public async Task Pods_are_listed_in_pages_and_watched_from_the_lists_version(string side)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(side, clusters, Ct);
        using k8s.Kubernetes client = Client(server);
        string run = RealClusters.FreshName("pods"), selector = $"run={run}";
        foreach (string name in (string[])["a", "b", "c"])
            await client.CoreV1.CreateNamespacedPodAsync(Pod($"{run}-{name}", run), "default", cancellationToken: Ct);

        V1PodList page = await client.CoreV1.ListNamespacedPodAsync("default", labelSelector: selector, limit: 2, cancellationToken: Ct);
        V1PodList rest = await client.CoreV1.ListNamespacedPodAsync("default", labelSelector: selector, limit: 2, continueParameter: page.Metadata.ContinueProperty, cancellationToken: Ct);
        Assert.Equal([$"{run}-a", $"{run}-b"], page.Items.Select(p => p.Name()));
        Assert.Equal([$"{run}-c"], rest.Items.Select(p => p.Name()));
        Assert.Equal(page.ResourceVersion(), rest.ResourceVersion());

        V1Pod pod = rest.Items[0];
        pod.Metadata.Annotations = new Dictionary<string, string> { ["seen"] = "yes" };
        await client.CoreV1.ReplaceNamespacedPodAsync(pod, pod.Name(), "default", cancellationToken: Ct);
        await client.CoreV1.CreateNamespacedPodAsync(Pod($"{run}-d", run), "default", cancellationToken: Ct);
        await client.CoreV1.DeleteNamespacedPodAsync($"{run}-a", "default", gracePeriodSeconds: 0, cancellationToken: Ct);
        using CancellationTokenSource limit = new(s_soon, TimeProvider.System);
        Assert.Equal(
            [$"Modified {run}-c", $"Added {run}-d", $"Deleted {run}-a"],
            await TakeAsync(client.CoreV1.WatchListNamespacedPodAsync("default", labelSelector: selector, resourceVersion: page.ResourceVersion(), cancellationToken: limit.Token), 3, p => p.Name(),
                // The real one shows a pod that goes at once as going first.
                p => p.DeletionTimestamp() is null));
    }

    [Theory]
    [InlineData(ServerUnderTest.Embedded)]
    [InlineData(ServerUnderTest.Real)]
    public async Task Config_maps_are_watched_while_they_change_and_a_conflict_is_a_conflict(string side)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(side, clusters, Ct);
        using k8s.Kubernetes client = Client(server);
        string run = RealClusters.FreshName("maps"), selector = $"run={run}";
        V1ConfigMapList list = await client.CoreV1.ListNamespacedConfigMapAsync("default", labelSelector: selector, cancellationToken: Ct);
        Assert.Empty(list.Items);
        using CancellationTokenSource limit = new(s_soon, TimeProvider.System);
        Task<List<string>> seen = TakeAsync(
            client.CoreV1.WatchListNamespacedConfigMapAsync("default", labelSelector: selector, resourceVersion: list.ResourceVersion(), cancellationToken: limit.Token), 3,
            m => $"{m.Data["n"]} {m.Kind}");

        V1ConfigMap map = new() { Metadata = new V1ObjectMeta { Name = run, Labels = new Dictionary<string, string> { ["run"] = run } }, Data = new Dictionary<string, string> { ["n"] = "1" } };
        V1ConfigMap first = await client.CoreV1.CreateNamespacedConfigMapAsync(map, "default", cancellationToken: Ct);
        first.Data["n"] = "2";
        await client.CoreV1.ReplaceNamespacedConfigMapAsync(first, run, "default", cancellationToken: Ct);
        HttpOperationException stale = await Assert.ThrowsAsync<HttpOperationException>(() => client.CoreV1.ReplaceNamespacedConfigMapAsync(first, run, "default", cancellationToken: Ct));
        Assert.Equal(HttpStatusCode.Conflict, stale.Response.StatusCode);
        await client.CoreV1.DeleteNamespacedConfigMapAsync(run, "default", cancellationToken: Ct);

        Assert.Equal(["Added 1 ConfigMap", "Modified 2 ConfigMap", "Deleted 2 ConfigMap"], await seen);
    }

    [Theory]
    [InlineData(ServerUnderTest.Embedded)]
    [InlineData(ServerUnderTest.Real)]
    public async Task Custom_objects_are_listed_and_watched_without_a_type(string side)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(side, clusters, Ct);
        using k8s.Kubernetes client = Client(server);
        string group = $"{RealClusters.FreshName("g")}.example.com";
        const string Version = "v1", Plural = "lamps";
        await client.ApiextensionsV1.CreateCustomResourceDefinitionAsync(Definition(group), cancellationToken: Ct);
        try
        {
            JsonElement list = await ServedAsync(() => client.CustomObjects.ListNamespacedCustomObjectAsync(group, Version, "default", Plural, cancellationToken: Ct));
            Assert.Equal("LampList", list.GetProperty("kind").GetString());
            Assert.Equal(0, list.GetProperty("items").GetArrayLength());
            Dictionary<string, object> lamp = new() { ["apiVersion"] = $"{group}/{Version}", ["kind"] = "Lamp", ["metadata"] = new Dictionary<string, object> { ["name"] = "hall" }, ["spec"] = new Dictionary<string, object> { ["lit"] = true } };
            await ServedAsync(() => client.CustomObjects.CreateNamespacedCustomObjectAsync(lamp, group, Version, "default", Plural, cancellationToken: Ct));
            V1Patch patch = new(new Dictionary<string, object> { ["spec"] = new Dictionary<string, object> { ["lit"] = false } }, V1Patch.PatchType.MergePatch);
            await client.CustomObjects.PatchNamespacedCustomObjectAsync(patch, group, Version, "default", Plural, "hall", cancellationToken: Ct);
            await client.CustomObjects.DeleteNamespacedCustomObjectAsync(group, Version, "default", Plural, "hall", cancellationToken: Ct);

            using CancellationTokenSource limit = new(s_soon, TimeProvider.System);
            string from = list.GetProperty("metadata").GetProperty("resourceVersion").GetString()!;
            Assert.Equal(
                ["Added True", "Modified False", "Deleted False"],
                await TakeAsync(client.CustomObjects.WatchListNamespacedCustomObjectAsync(group, Version, "default", Plural, resourceVersion: from, cancellationToken: limit.Token), 3,
                    o => $"{((JsonElement)o).GetProperty("spec").GetProperty("lit").GetBoolean()}"));
        }
        finally
        {
            await client.ApiextensionsV1.DeleteCustomResourceDefinitionAsync($"{Plural}.{group}", cancellationToken: Ct);
        }
    }

    private static k8s.Kubernetes Client(ServerUnderTest server) => new(KubernetesClientConfiguration.BuildConfigFromConfigFile(server.KubeconfigFile));

    private static V1Pod Pod(string name, string run) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, Labels = new Dictionary<string, string> { ["run"] = run } },
        Spec = new V1PodSpec { Containers = [new V1Container { Name = "c", Image = "none" }] },
    };

    private static V1CustomResourceDefinition Definition(string group) => new()
    {
        Metadata = new V1ObjectMeta { Name = $"lamps.{group}" },
        Spec = new V1CustomResourceDefinitionSpec
        {
            Group = group,
            Scope = "Namespaced",
            Names = new V1CustomResourceDefinitionNames { Kind = "Lamp", ListKind = "LampList", Plural = "lamps", Singular = "lamp" },
            Versions =
            [
                new V1CustomResourceDefinitionVersion
                {
                    Name = "v1", Served = true, Storage = true,
                    Schema = new V1CustomResourceValidation { OpenAPIV3Schema = new V1JSONSchemaProps { Type = "object", XKubernetesPreserveUnknownFields = true } },
                },
            ],
        },
    };

    private static async Task<List<string>> TakeAsync<T>(IAsyncEnumerable<(WatchEventType Type, T Object)> watch, int count, Func<T, string> tell, Func<T, bool>? counts = null)
    {
        List<string> seen = [];
        await foreach ((WatchEventType type, T obj) in watch)
        {
            if (type != WatchEventType.Deleted && counts?.Invoke(obj) == false)
                continue;
            seen.Add($"{type} {tell(obj)}");
            if (seen.Count == count)
                break;
        }

        return seen;
    }

    /// <summary>A real server takes a moment until it serves a kind that was defined.</summary>
    private static async Task<JsonElement> ServedAsync(Func<Task<object>> ask)
    {
        long began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return (JsonElement)await ask();
            }
            catch (HttpOperationException early) when (early.Response.StatusCode == HttpStatusCode.NotFound && TimeProvider.System.GetElapsedTime(began) < s_soon)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Ct);
            }
        }
    }
}
