using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Fleet;

/// <summary>What people do with the kubectl of a real Kubernetes whose API server leads to the root's fleet.</summary>
[Collection(nameof(AggregatedFleetTests))]
public sealed class AggregatedFleetTests(RealRoot root) : IClassFixture<RealRoot>
{
    private const string Pods = "pods.fleet.ote.baidu.com";
    private const string Deployments = "deployments.fleet.ote.baidu.com";
    private const string Raw = "/apis/fleet.ote.baidu.com/v1";
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kubectl_of_the_real_cluster_lists_selects_and_describes_the_objects_of_all_clusters(bool old)
    {
        await root.StartAsync();
        Kubectl kubectl = root.Kubectl(old);
        string[] table = (await kubectl.ExpectAsync("get", Pods, "-A", "-o", "wide")).Split('\n');
        Assert.Matches(@"^NAMESPACE +NAME +READY +STATUS +RESTARTS.* CLUSTER$", table[0].TrimEnd());
        Assert.Equal(["c1", "c1", "c2", "c2"], table.Skip(1).Where(l => l.Contains(" web-", StringComparison.Ordinal)).Select(l => l.TrimEnd().Split(' ')[^1]).Order());
        string[] ofOne = (await kubectl.ExpectAsync("get", Pods, "-A", "-l", "ote-cluster=c1", "-o", "name")).Split('\n');
        Assert.Equal(2, ofOne.Length);
        Assert.All(ofOne, name => Assert.Matches("^pod.fleet.ote.baidu.com/web-.*-c1$", name));
        Assert.Equal(ofOne.Length, (await kubectl.ExpectAsync("get", Pods, "-n", "default", "--field-selector", "status.phase=Running", "-l", "ote-cluster in (c1)", "--chunk-size=1", "-o", "name")).Split('\n').Length);
        JsonNode one = JsonNode.Parse(await kubectl.ExpectAsync("get", Deployments, "web-c2", "-o", "json"))!;
        Assert.Equal("fleet.ote.baidu.com/v1 Deployment c2 web", $"{one["apiVersion"]} {one["kind"]} {one["metadata"]!["labels"]!["ote-cluster"]} {one["metadata"]!["annotations"]!["ote.baidu.com/name"]}");
        string all = await kubectl.ExpectAsync("get", "fleet", "-A");
        Assert.Contains("deployment.fleet.ote.baidu.com/web-c1", all, StringComparison.Ordinal);
        Assert.Contains("node.fleet.ote.baidu.com/", all, StringComparison.Ordinal);
        // The cluster's own are what a name means that both have.
        Assert.Equal("", await kubectl.ExpectAsync("get", "pods", "-A", "-o", "name"));
        Assert.Contains("online", await kubectl.ExpectAsync("get", "clusters", "c1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_by_the_real_cluster_tells_what_comes_and_goes()
    {
        await root.StartAsync();
        string name = RealClusters.FreshName("seen");
        Task<CommandResult> watching = root.Kubectl().RunAsync(
            ["get", Deployments, "-A", "-w", "--output-watch-events", "--request-timeout=15s", "-l", $"app={name}"], null, s_soon, Ct);
        await root.At("c1").ExpectAsync("create", "deployment", name, "--image=example/web");
        await root.Kubectl().UntilAsync(found => found.Length > 0, s_soon, Ct, "get", Deployments, $"{name}-c1", "--ignore-not-found", "-o", "name");
        await root.At("c1").ExpectAsync("delete", "deployment", name);
        string told = (await watching).Out;
        Assert.Matches($"(?m)^ADDED +default +{name}-c1 ", told);
        Assert.Matches($"(?m)^DELETED +default +{name}-c1 ", told);
    }

    [Fact]
    public async Task Writes_go_to_the_objects_cluster_and_come_back_by_report()
    {
        await root.StartAsync();
        string name = RealClusters.FreshName("written");
        await root.At("c2").ExpectAsync("create", "deployment", name, "--image=example/web", "--replicas=0");
        Kubectl kubectl = root.Kubectl();
        await kubectl.UntilAsync(found => found.Length > 0, s_soon, Ct, "get", Deployments, $"{name}-c2", "--ignore-not-found", "-o", "name");
        await kubectl.ExpectAsync("scale", Deployments, $"{name}-c2", "--replicas=3");
        Assert.Equal("3", await root.At("c2").ExpectAsync("get", "deployment", name, "-o", "jsonpath={.spec.replicas}"));
        Assert.Equal("3", await kubectl.ExpectAsync("get", Deployments, $"{name}-c2", "-o", "jsonpath={.spec.replicas}"));
        Assert.Contains("labeled", await kubectl.ExpectAsync("label", Deployments, $"{name}-c2", "tried=yes"), StringComparison.Ordinal);
        Assert.Equal("yes", await root.At("c2").ExpectAsync("get", "deployment", name, "-o", "jsonpath={.metadata.labels.tried}"));
        CommandResult created = await kubectl.RunAsync(["create", "-f", "-"], """{"apiVersion":"fleet.ote.baidu.com/v1","kind":"Pod","metadata":{"name":"no","namespace":"default"}}""", s_soon, Ct);
        Assert.Contains("those of the clusters below", created.Error, StringComparison.Ordinal);
        await kubectl.ExpectAsync("delete", Deployments, $"{name}-c2");
        Assert.Equal("", await root.At("c2").ExpectAsync("get", "deployment", name, "--ignore-not-found"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kinds_that_a_cluster_reports_besides_come_and_go_in_the_group_as_they_do_there(bool old)
    {
        await root.StartAsync();
        Kubectl kubectl = root.Kubectl(old);
        await root.At("c1").ApplyAsync(WidgetKind.Definition);
        await root.At("c1").ApplyAsync(WidgetKind.Object("left", "red", "default"));
        await WidgetKind.ShownAsync(kubectl, "widgets.fleet.ote.baidu.com", Ct);
        string[] table = (await kubectl.ExpectAsync("get", "widgets.fleet.ote.baidu.com", "-A", "-o", "wide")).Split('\n');
        Assert.Matches("^NAMESPACE +NAME +COLOR +AGE +CLUSTER$", table[0].TrimEnd());
        Assert.Matches("^default +left-c1 +red +[0-9]+s +c1$", table[1].TrimEnd());
        await kubectl.ExpectAsync("label", "widgets.fleet.ote.baidu.com", "left-c1", "tried=yes");
        Assert.Equal("yes", await root.At("c1").ExpectAsync("get", "widgets", "left", "-o", "jsonpath={.metadata.labels.tried}"));
        await root.At("c1").ExpectAsync("delete", "crd", WidgetKind.Name);
        await kubectl.UntilAsync(kinds => !kinds.Contains("widgets", StringComparison.Ordinal), TimeSpan.FromSeconds(120), Ct, "get", "--raw", Raw);
    }

    [Fact]
    public async Task The_proxy_of_a_cluster_is_that_clusters_own_api()
    {
        await root.StartAsync();
        Kubectl kubectl = root.Kubectl();
        JsonNode pods = JsonNode.Parse(await kubectl.ExpectAsync("get", "--raw", $"{Raw}/clusters/c1/proxy/api/v1/namespaces/default/pods?labelSelector=app%3Dweb"))!;
        Assert.Equal("v1", (string?)pods["apiVersion"]);
        Assert.Equal(2, pods["items"]!.AsArray().Count);
        Assert.Equal("ok", await kubectl.ExpectAsync("get", "--raw", $"{Raw}/clusters/c2/proxy/healthz"));
        Assert.Contains("nowhere", (await kubectl.RunAsync("get", "--raw", $"{Raw}/clusters/nowhere/proxy/api/v1/pods")).Error, StringComparison.Ordinal);
        // As a kubeconfig's server, for everything that kubectl can.
        string through = $"{root.Plane.Server}apis/fleet.ote.baidu.com/v1/clusters/c1/proxy";
        string made = RealClusters.FreshName("through");
        await kubectl.ExpectAsync("--server", through, "create", "deployment", made, "--image=example/web", "--replicas=1");
        Assert.Equal("1", await root.At("c1").ExpectAsync("get", "deployment", made, "-o", "jsonpath={.spec.replicas}"));
        Assert.Contains("deployment.apps/web", await kubectl.ExpectAsync("--server", through, "get", "all", "-o", "name"), StringComparison.Ordinal);
        await kubectl.ExpectAsync("--server", through, "delete", "deployment", made);
        string pod = await root.At("c1").ExpectAsync("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}");
        Assert.Equal(await root.At("c1").ExpectAsync("logs", pod), await kubectl.ExpectAsync("--server", through, "logs", pod));
        Assert.Contains("simulated", (await kubectl.RunAsync("--server", through, "exec", pod, "--", "true")).Error, StringComparison.Ordinal); // says the cluster
    }

    [Fact]
    public async Task A_user_who_may_see_one_cluster_sees_nothing_of_another()
    {
        await root.StartAsync();
        string user = RealClusters.FreshName("of-c1");
        await root.Kubectl().ApplyAsync($$$"""
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: {{{user}}}}
            rules:
            - {apiGroups: [fleet.ote.baidu.com], resources: [pods, deployments, nodes, clusters/proxy], verbs: [get, list, watch, delete]}
            - {apiGroups: [ote.baidu.com], resources: [clusters/pods, clusters/proxy], resourceNames: [c1], verbs: [get, list, watch]}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: {{{user}}}}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{{user}}}}
            subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: {{{user}}}}]

            """);
        Kubectl kubectl = root.Kubectl(user: user);
        string[] seen = (await kubectl.UntilAsync(_ => true, s_soon, Ct, "get", Pods, "-A", "-o", "name")).Split('\n');
        Assert.Equal(2, seen.Count(n => n.Contains("/web-", StringComparison.Ordinal)));
        Assert.All(seen, n => Assert.EndsWith("-c1", n, StringComparison.Ordinal));
        string other = (await root.Kubectl().ExpectAsync("get", Pods, "-l", "ote-cluster=c2", "-o", "jsonpath={.items[0].metadata.name}")).Trim();
        foreach (string[] refused in (string[][])
            [["get", Pods, other], ["get", Pods, "nothing-c2"], ["get", Pods, "-l", "ote-cluster=c2"], ["delete", Pods, seen[0].Split('/')[1]], ["get", Deployments, "-A"], ["get", "--raw", $"{Raw}/clusters/c2/proxy/api/v1/pods"]])
        {
            CommandResult result = await kubectl.RunAsync(refused);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains("orbidden", result.Error, StringComparison.Ordinal);
        }
        // And there is nobody at c1 whom it gave any rights.
        Assert.Contains($"User \\\"{user}\\\" cannot list resource", (await kubectl.RunAsync("get", "--raw", $"{Raw}/clusters/c1/proxy/api/v1/pods")).Error.Replace("\"", "\\\"", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains(user, root.Audit(), StringComparison.Ordinal);
        // Nobody in particular, who may ask and see nothing.
        Assert.Contains("orbidden", (await root.Kubectl(user: "nobody").RunAsync("get", Pods, "-A")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_does_not_come_by_the_api_server_is_nobody_whatever_headers_say()
    {
        await root.StartAsync();
        using X509Certificate2 authority = X509Certificate2.CreateFromPem(await root.Kubectl().ExpectAsync("get", "configmap", "ote-fleet", "-n", "ote-system", "-o", @"jsonpath={.data.ca\.crt}"));
        IssuedCertificate admin = root.Plane.Authority.IssueClient("front-proxy-client", "system:masters");
        foreach (X509Certificate2? certificate in (X509Certificate2?[])[null, X509Certificate2.CreateFromPem(admin.Certificate, admin.Key)])
        {
            using SocketsHttpHandler handler = new();
            handler.SslOptions.ClientCertificates = certificate is null ? null : [certificate];
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck };
            using HttpClient client = new(handler);
            using HttpRequestMessage request = new(HttpMethod.Get, $"https://{root.Served}{Raw}/pods");
            request.Headers.Add("X-Remote-User", "kubernetes-admin");
            request.Headers.Add("X-Remote-Group", "system:masters");
            Assert.Equal(HttpStatusCode.Unauthorized, (await client.SendAsync(request, Ct)).StatusCode);
            certificate?.Dispose();
        }
    }

    [Fact]
    public async Task Install_says_what_it_would_do_is_the_same_done_twice_and_is_taken_back()
    {
        await root.StartAsync();
        string planned = (await root.OtectlAsync("install", "--fleet", "--dry-run", "-o", "yaml")).Succeeded().Out;
        Assert.Contains("kind: APIService", planned, StringComparison.Ordinal);
        string before = await root.Kubectl().ExpectAsync("get", "apiservice", "v1.fleet.ote.baidu.com", "-o", "jsonpath={.metadata.uid} {.spec}");
        (await root.OtectlAsync("install", "--fleet")).Succeeded();
        Assert.Equal(before, await root.Kubectl().ExpectAsync("get", "apiservice", "v1.fleet.ote.baidu.com", "-o", "jsonpath={.metadata.uid} {.spec}"));
        Assert.Contains("apiservice.apiregistration.k8s.io/v1.fleet.ote.baidu.com would be deleted", (await root.OtectlAsync("uninstall", "--dry-run")).Succeeded().Out, StringComparison.Ordinal);
    }
}
