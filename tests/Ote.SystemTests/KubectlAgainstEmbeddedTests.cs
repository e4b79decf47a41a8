using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.SystemTests;

/// <summary>
/// Unmodified kubectls, an old and a current one, against the embedded API server over TLS. <c>OTE_TEST_KUBECTL</c> names another
/// binary to use in their place.
/// </summary>
public sealed class KubectlAgainstEmbeddedTests
{
    private const string Deployment = """
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: web
          labels: {app: web}
        spec:
          replicas: 2
          selector:
            matchLabels: {app: web}
          template:
            metadata:
              labels: {app: web}
            spec:
              containers:
              - name: nginx
                image: nginx:1
                ports:
                - containerPort: 80
        """;

    private const string Definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata:
          name: gadgets.test.ote
        spec:
          group: test.ote
          scope: Namespaced
          names: {plural: gadgets, singular: gadget, kind: Gadget, shortNames: [gd]}
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}}
            additionalPrinterColumns:
            - {name: Size, type: integer, jsonPath: .spec.size}
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec:
                    type: object
                    required: [size]
                    properties:
                      size: {type: integer, minimum: 1, description: How big it is.}
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("old")]
    [InlineData("new")]
    public async Task BuiltInKinds_LiveTheirLives(string age)
    {
        await using var cluster = await EmbeddedCluster.StartAsync(age);
        var kubectl = cluster.Kubectl;

        Assert.Equal("namespace/team created", await kubectl.ExpectAsync("create", "namespace", "team"));
        Assert.Equal("configmap/settings created", await kubectl.ExpectAsync("create", "configmap", "settings", "--from-literal=colour=blue", "-n", "team"));
        Assert.Equal("deployment.apps/made created", await kubectl.ExpectAsync("create", "deployment", "made", "--image=nginx", "-n", "team"));
        Assert.Equal("deployment.apps/web created", await kubectl.ApplyAsync(Deployment));
        Assert.Equal("deployment.apps/web unchanged", await kubectl.ApplyAsync(Deployment));
        Assert.Equal("deployment.apps/web configured", await kubectl.ApplyAsync(Deployment.Replace("nginx:1", "nginx:2", StringComparison.Ordinal)));
        Assert.Equal("nginx:2 2", await kubectl.ExpectAsync("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image} {.metadata.generation}"));

        var wide = await kubectl.ExpectAsync("get", "deployments", "-o", "wide");
        Assert.Matches(@"NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\s+web +0/2 +0 +0 +\S+ +nginx +nginx:2 +app=web", wide);
        Assert.Contains("kind: Deployment", await kubectl.ExpectAsync("get", "deploy/web", "-o", "yaml"), StringComparison.Ordinal);
        Assert.Contains("\"kind\": \"Deployment\"", await kubectl.ExpectAsync("get", "deploy/web", "-o", "json"), StringComparison.Ordinal);
        Assert.Contains("2 desired", await kubectl.ExpectAsync("describe", "deployment", "web"), StringComparison.Ordinal);

        Assert.Equal("deployment.apps/web labeled", await kubectl.ExpectAsync("label", "deploy", "web", "tier=edge"));
        Assert.Equal("deployment.apps/web annotated", await kubectl.ExpectAsync("annotate", "deploy", "web", "note=a"));
        Assert.Equal("web", await kubectl.ExpectAsync("get", "deploy", "-l", "tier in (edge)", "-o", "jsonpath={.items[*].metadata.name}"));
        await kubectl.ExpectAsync("patch", "deploy", "web", "-p", """{"spec":{"template":{"spec":{"containers":[{"name":"nginx","image":"nginx:3"}]}}}}""");
        await kubectl.ExpectAsync("patch", "deploy", "web", "--type=merge", "-p", """{"spec":{"replicas":3}}""");
        await kubectl.ExpectAsync("patch", "deploy", "web", "--type=json", "-p", """[{"op":"add","path":"/spec/paused","value":true}]""");
        Assert.Equal(
            "nginx:3 80 3 true",
            await kubectl.ExpectAsync(
                "get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].ports[0].containerPort} {.spec.replicas} {.spec.paused}"));
        Assert.Equal("deployment.apps/web scaled", await kubectl.ExpectAsync("scale", "deploy", "web", "--replicas=7"));
        Assert.Equal("7", await kubectl.ExpectAsync("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"));

        await AwaitAvailabilityAsync(cluster);
        await DeleteWhileHeldAsync(kubectl);
        await kubectl.ExpectAsync("delete", "namespace", "team");
        Assert.Contains("not found", (await kubectl.RunAsync("get", "namespace", "team")).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("old")]
    [InlineData("new")]
    public async Task Mistakes_AreToldInTheUsualWords(string age)
    {
        await using var cluster = await EmbeddedCluster.StartAsync(age);
        var kubectl = cluster.Kubectl;

        Assert.Contains("Error from server (NotFound): pods \"x\" not found", (await kubectl.RunAsync("get", "pod", "x")).Error, StringComparison.Ordinal);
        Assert.Contains("the server doesn't have a resource type \"nothings\"", (await kubectl.RunAsync("get", "nothings")).Error, StringComparison.Ordinal);
        Assert.Contains("namespaces \"no\" not found", (await kubectl.RunAsync("create", "configmap", "c", "-n", "no")).Error, StringComparison.Ordinal);
        await kubectl.ExpectAsync("create", "configmap", "c");
        Assert.Contains("configmaps \"c\" already exists", (await kubectl.RunAsync("create", "configmap", "c")).Error, StringComparison.Ordinal);
        var misspelt = await kubectl.RunAsync(
            ["apply", "-f", "-"], Deployment.Replace("replicas", "replcas", StringComparison.Ordinal), TimeSpan.FromMinutes(1), Token);
        Assert.Contains("unknown field \"", misspelt.Error, StringComparison.Ordinal);
        Assert.Contains("replcas", misspelt.Error, StringComparison.Ordinal);
        var refused = await kubectl.RunAsync("get", "pods", "--as", "jane");
        Assert.Contains("(Forbidden): pods is forbidden: User \"jane\" cannot list resource \"pods\"", refused.Error, StringComparison.Ordinal);
        Assert.Equal("yes", await kubectl.ExpectAsync("auth", "can-i", "create", "pods"));
        Assert.Equal("no", (await kubectl.RunAsync("auth", "can-i", "list", "pods", "--as", "jane")).Out.Trim());
    }

    [Fact]
    public async Task Debug_adds_a_container_to_a_pod_that_is_there()
    {
        await using var cluster = await EmbeddedCluster.StartAsync("new"); // the old one speaks the endpoint's first form, which nobody serves any more
        var kubectl = cluster.Kubectl;
        await kubectl.ExpectAsync("run", "web", "--image=nginx:1");
        await kubectl.ExpectAsync("debug", "web", "--image=busybox:1", "--container=look", "--target=web", "--profile=general", "--", "sleep", "5");
        Assert.Equal(
            "look busybox:1 web [\"sleep\",\"5\"]",
            await kubectl.ExpectAsync("get", "pod", "web", "-o", "jsonpath={.spec.ephemeralContainers[0].name} {.spec.ephemeralContainers[0].image} {.spec.ephemeralContainers[0].targetContainerName} {.spec.ephemeralContainers[0].command}"));
        Assert.Contains("may not be changed", (await kubectl.RunAsync(
            "patch", "pod", "web", "--subresource=ephemeralcontainers", "-p", """{"spec":{"ephemeralContainers":[{"name":"look","image":"other"}]}}""")).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("old")]
    [InlineData("new")]
    public async Task CustomKinds_AreKindsLikeOthers(string age)
    {
        await using var cluster = await EmbeddedCluster.StartAsync(age);
        var kubectl = cluster.Kubectl;

        await kubectl.ApplyAsync(Definition);
        Assert.Contains("condition met", await kubectl.ExpectAsync("wait", "--for=condition=Established", "crd/gadgets.test.ote", "--timeout=20s"), StringComparison.Ordinal);
        const string Gadget = "apiVersion: test.ote/v1\nkind: Gadget\nmetadata: {name: g}\nspec: {size: 3}\n";
        Assert.Equal("gadget.test.ote/g created", await kubectl.ApplyAsync(Gadget));
        Assert.Matches(@"NAME +SIZE\s+g +3", await kubectl.ExpectAsync("get", "gd"));
        var small = await kubectl.RunAsync(["apply", "-f", "-"], Gadget.Replace("3", "0", StringComparison.Ordinal), TimeSpan.FromMinutes(1), Token);
        Assert.Contains("spec.size", small.Error, StringComparison.Ordinal);
        Assert.Contains("should be greater than or equal to 1", small.Error, StringComparison.Ordinal);
        Assert.Contains("How big it is.", await kubectl.ExpectAsync("explain", "gadgets.spec.size"), StringComparison.Ordinal);
        Assert.Contains("replicas", await kubectl.ExpectAsync("explain", "deployment.spec"), StringComparison.Ordinal);
        await kubectl.ExpectAsync("delete", "crd", "gadgets.test.ote");
        Assert.NotEqual(0, (await kubectl.RunAsync("get", "gadgets.test.ote")).ExitCode);
    }

    [Theory]
    [InlineData("old")]
    [InlineData("new")]
    public async Task Watching_ShowsChangesAsTheyCome(string age)
    {
        await using var cluster = await EmbeddedCluster.StartAsync(age);
        var kubectl = cluster.Kubectl;
        await kubectl.ApplyAsync(Deployment);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var watch = kubectl.RunAsync(["get", "deploy", "web", "-w", "-o", "jsonpath={.spec.replicas}{\"\\n\"}", "--request-timeout=6s"], null, TimeSpan.FromMinutes(1), stop.Token);
        for (var replicas = 3; replicas < 6; replicas++)
        {
            await kubectl.ExpectAsync("scale", "deploy", "web", $"--replicas={replicas}");
        }

        var lines = (await watch).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("5", lines[^1]);
        Assert.Equal(lines.Order(StringComparer.Ordinal), lines);
    }

    private static async Task AwaitAvailabilityAsync(EmbeddedCluster cluster)
    {
        var wait = cluster.Kubectl.ExpectAsync("wait", "--for=condition=Available", "deployment/web", "--timeout=30s");
        using var controller = cluster.Server.CreateClient(UserInfo.Component("deployment-controller"));
        var status = JsonNode.Parse("""{"status":{"conditions":[{"type":"Available","status":"True","reason":"Test","message":"as scripted"}]}}""")!;
        await controller.PatchAsync(Kinds.Deployments, "default", "web", PatchKind.Merge, status, Token, "status");
        Assert.Equal("deployment.apps/web condition met", await wait);
    }

    /// <summary>kubectl delete waits until the object is gone, and that is when its finalizer is.</summary>
    private static async Task DeleteWhileHeldAsync(Kubectl kubectl)
    {
        await kubectl.ExpectAsync("patch", "deploy", "web", "--type=merge", "-p", """{"metadata":{"finalizers":["test.ote/hold"]}}""");
        var delete = kubectl.ExpectAsync("delete", "deploy", "web");
        await kubectl.UntilAsync(text => text.Length > 0, TimeSpan.FromSeconds(30), Token, "get", "deploy", "web", "-o", "jsonpath={.metadata.deletionTimestamp}");
        Assert.False(delete.IsCompleted);
        await kubectl.ExpectAsync("patch", "deploy", "web", "--type=merge", "-p", """{"metadata":{"finalizers":null}}""");
        Assert.StartsWith("deployment.apps \"web\" deleted", await delete, StringComparison.Ordinal);
        Assert.Equal(1, (await kubectl.RunAsync("get", "deploy", "web")).ExitCode);
    }

    /// <summary>A server on disk with a listener, and a kubectl that uses it.</summary>
    private sealed class EmbeddedCluster : IAsyncDisposable
    {
        private readonly Scratch _scratch;

        private EmbeddedCluster(ApiServer server, Scratch scratch, Kubectl kubectl)
        {
            Server = server;
            _scratch = scratch;
            Kubectl = kubectl;
        }

        public ApiServer Server { get; }

        public Kubectl Kubectl { get; }

        public static async Task<EmbeddedCluster> StartAsync(string age)
        {
            var binary = Environment.GetEnvironmentVariable("OTE_TEST_KUBECTL");
            if (string.IsNullOrEmpty(binary))
            {
                var tools = await KubernetesTools.FindAsync(Token);
                binary = age == "old" ? tools.OldKubectl : tools.NewKubectl;
            }

            var scratch = new Scratch("embedded");
            var server = await ApiServer.StartAsync(
                new ApiServerOptions { DataDirectory = scratch["data"] }, NullLoggerFactory.Instance, TimeProvider.System, Token);
            var at = await server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
            await server.WriteAdminKubeconfigAsync(scratch["kubeconfig"], new Uri($"https://{at}"), Token);
            return new EmbeddedCluster(server, scratch, new Kubectl(binary, scratch["kubeconfig"], scratch.Path));
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            _scratch.Dispose();
        }
    }
}
