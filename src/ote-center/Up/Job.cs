using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Center.Up;

/// <summary>The job of <c>up</c>: a Deployment for every edge cluster, sent as one command at the root; then one more command asks them how it runs.</summary>
internal sealed class Job(KubeClient root, Screen screen, TimeProvider time)
{
    public const string Selector = "tier=edge";
    public const string Namespace = "ote-system";
    public const string Url = "/apis/apps/v1/namespaces/default/deployments/nginx";
    private const int ReadinessRounds = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private static readonly JsonObject Deployment = Yaml.ReadObject(
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: nginx
          namespace: default
        spec:
          replicas: 2
          selector:
            matchLabels: {app: nginx}
          template:
            metadata:
              labels: {app: nginx}
            spec:
              containers:
              - name: nginx
                image: nginx:1.27
                ports:
                - containerPort: 80
        """);

    public async Task<JobOutcome> RunAsync(CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        try
        {
            var apply = await SendAsync("nginx-apply-", "PATCH", Url + "?fieldManager=ote-up&force=true", Deployment.ToJsonString(), "application/apply-patch+yaml", either.Token)
                .ConfigureAwait(false);
            var done = await screen.FollowAsync($"apply deployment/nginx to {Selector}", () => ReadAsync(apply, either.Token), time, either.Token).ConfigureAwait(false);
            var outcome = await OutcomeAsync(done, either.Token).ConfigureAwait(false);
            if (outcome.Succeeded > 0)
            {
                await ShowRunningAsync(outcome, either.Token).ConfigureAwait(false);
            }

            return outcome;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new UpException($"the job did not end within {Patience.TotalMinutes} minutes; run again with --verbose to see why");
        }
    }

    private static bool IsOver(JsonObject command) => command.Text("status", "completionTime") is not null;

    private async Task<JsonObject> SendAsync(string name, string method, string url, string body, string contentType, CancellationToken stop)
    {
        var created = await root.CreateAsync(
            Kinds.ClusterControllers,
            Namespace,
            new JsonObject
            {
                ["apiVersion"] = Kinds.ClusterControllers.ApiVersion,
                ["kind"] = Kinds.ClusterControllers.Kind,
                ["metadata"] = new JsonObject { ["generateName"] = name, ["namespace"] = Namespace },
                ["spec"] = new JsonObject
                {
                    ["clusterSelector"] = Selector,
                    ["destination"] = "api",
                    ["method"] = method,
                    ["url"] = url,
                    ["body"] = body,
                    ["contentType"] = contentType,
                    ["deadlineSeconds"] = (int)Patience.TotalSeconds,
                    ["ttlSecondsAfterFinished"] = 3600,
                },
            },
            stop).ConfigureAwait(false);
        return created;
    }

    private async Task<JsonObject> ReadAsync(JsonObject command, CancellationToken stop) =>
        await root.GetAsync(Kinds.ClusterControllers, command.Namespace(), command.Name(), stop).ConfigureAwait(false)
        ?? throw new UpException($"command {command.Key()} was deleted while it ran");

    private async Task<JobOutcome> OutcomeAsync(JsonObject command, CancellationToken stop)
    {
        var failures = new List<string>();
        await foreach (var item in ResultsAsync(command, stop).ConfigureAwait(false))
        {
            if (item.Whole("code") is not (>= 200 and < 300))
            {
                failures.Add(JobOutcome.Failure(item));
            }
        }

        if (command.Condition("Matched") is { } matched && matched.Text("status") == "False")
        {
            failures.Add(matched.Text("message") ?? "nothing matched");
        }

        return new JobOutcome(
            (int)(command.Whole("status", "targetCounts", "targets") ?? 0),
            (int)(command.Whole("status", "targetCounts", "succeeded") ?? 0),
            failures);
    }

    private async IAsyncEnumerable<JsonObject> ResultsAsync(JsonObject command, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        var pages = await root.ListAsync(
            Kinds.ClusterControllerResults, command.Namespace(), new ListQuery($"ote.baidu.com/command={command.Name()},ote.baidu.com/page=results"), stop).ConfigureAwait(false);
        foreach (var item in pages.Items.SelectMany(p => p.Items("results")?.OfType<JsonObject>() ?? []))
        {
            yield return item;
        }
    }

    /// <summary>Asks the clusters themselves, through the tree, until every replica is ready or it has asked often enough.</summary>
    private async Task ShowRunningAsync(JobOutcome outcome, CancellationToken stop)
    {
        for (var round = 0; round < ReadinessRounds; round++)
        {
            var asked = await SendAsync("nginx-get-", "GET", Url, "", "", stop).ConfigureAwait(false);
            JsonObject answered;
            while (!IsOver(answered = await ReadAsync(asked, stop).ConfigureAwait(false)))
            {
                await Task.Delay(Pause / 5, time, stop).ConfigureAwait(false);
            }

            var ready = new SortedDictionary<string, string>(StringComparer.Ordinal);
            var all = 0;
            await foreach (var item in ResultsAsync(answered, stop).ConfigureAwait(false))
            {
                if (item.Whole("code") == 200 && item.Text("body") is { } body && JsonNode.Parse(body) is JsonObject deployment)
                {
                    var running = deployment.Whole("status", "readyReplicas") ?? 0;
                    var wanted = deployment.Whole("spec", "replicas") ?? 0;
                    ready[item.Text("cluster") ?? ""] = string.Create(CultureInfo.InvariantCulture, $"{running}/{wanted}");
                    all += running == wanted ? 1 : 0;
                }
            }

            if (all >= outcome.Succeeded || round == ReadinessRounds - 1)
            {
                screen.ShowReady(ready, all);
                return;
            }

            await Task.Delay(Pause, time, stop).ConfigureAwait(false);
        }
    }
}
