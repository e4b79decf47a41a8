using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Fleet;

/// <summary>A namespace of a real cluster with running pods and what goes with them; deleted on disposal.</summary>
internal sealed class Shop : IAsyncDisposable
{
    private readonly RealCluster _cluster;

    private Shop(RealCluster cluster, string name) => (_cluster, Namespace) = (cluster, name);

    public string Namespace { get; }

    /// <summary>One of the deployment's pods.</summary>
    public string Pod { get; private set; } = "";

    public static async Task<Shop> OpenAsync(RealCluster cluster, CancellationToken ct)
    {
        Shop shop = new(cluster, RealClusters.FreshName("shop"));
        Kubectl kubectl = cluster.Kubectl;
        await kubectl.ExpectAsync("create", "namespace", shop.Namespace);
        await kubectl.UntilAsync(name => name.Length > 0, TimeSpan.FromSeconds(30), ct, "get", "serviceaccount", "default", "-n", shop.Namespace, "-o", "name");
        await kubectl.ApplyAsync(Manifest(shop.Namespace));
        await kubectl.ExpectAsync("rollout", "status", "deployment/web", "-n", shop.Namespace, "--timeout=50s");
        await kubectl.ExpectAsync("wait", "--for=condition=complete", "job/once", "-n", shop.Namespace, "--timeout=50s");
        shop.Pod = await kubectl.ExpectAsync("get", "pods", "-l", "app=web", "-n", shop.Namespace, "-o", "jsonpath={.items[0].metadata.name}");
        return shop;
    }

    public async ValueTask DisposeAsync() => await _cluster.Kubectl.RunAsync("delete", "namespace", Namespace, "--wait=false");

    private static string Manifest(string ns) => $$$"""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, namespace: {{{ns}}}, labels: {app: web} }
        spec:
          replicas: 2
          selector: {matchLabels: {app: web} }
          template:
            metadata: {labels: {app: web} }
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: web
                image: {{{LocalImage.Name}}}
                imagePullPolicy: Never
                command: ["sh", "-c", "echo 'hello from a pod' > /www/index.html; echo serving; exec httpd -f -p 8080 -h /www"]
                ports: [{containerPort: 8080, name: http}]
                resources: {requests: {cpu: 10m, memory: 8Mi} }
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: {{{ns}}}}
        spec:
          selector: {app: web}
          ports: [{port: 80, targetPort: http}]
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: {{{ns}}}}
        data: {color: green}
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: key, namespace: {{{ns}}}}
        stringData: {password: open}
        ---
        apiVersion: batch/v1
        kind: Job
        metadata: {name: once, namespace: {{{ns}}}}
        spec:
          template:
            spec:
              restartPolicy: Never
              containers:
              - {name: once, image: "{{{LocalImage.Name}}}", imagePullPolicy: Never, command: ["echo", "done"]}
        ---
        apiVersion: batch/v1beta1
        kind: CronJob
        metadata: {name: nightly, namespace: {{{ns}}}}
        spec:
          schedule: "0 3 * * *"
          jobTemplate:
            spec:
              template:
                spec:
                  restartPolicy: Never
                  containers:
                  - {name: nightly, image: "{{{LocalImage.Name}}}", imagePullPolicy: Never}

        """;
}
