using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>A ReplicaSet that is to have another number of replicas.</summary>
/// <param name="Set">As it is.</param>
/// <param name="To">The new number.</param>
/// <param name="IsNew">Whether it carries the present template.</param>
internal readonly record struct Scaling(JsonObject Set, int To, bool IsNew)
{
    /// <summary>For the event; as kubectl users know it.</summary>
    public string Text => string.Create(
        CultureInfo.InvariantCulture, $"Scaled {(To > Set.Replicas() ? "up" : "down")} replica set {Set.Name()} from {Set.Replicas()} to {To}");
}

/// <summary>What a Deployment needs done. Pure.</summary>
/// <param name="Create">The ReplicaSet for its present template, when there is none; otherwise null.</param>
/// <param name="Scale">ReplicaSets to resize.</param>
/// <param name="Delete">Old ReplicaSets beyond the history kept.</param>
/// <param name="Annotate">Annotations to put on the present ReplicaSet; null for none.</param>
/// <param name="Revision">Revision the Deployment should show; null when it does or has none yet.</param>
/// <param name="Status">The status it should show.</param>
/// <param name="Again">When to look again without a change; null: never.</param>
internal sealed record DeploymentDecision(
    JsonObject? Create,
    IReadOnlyList<Scaling> Scale,
    IReadOnlyList<JsonObject> Delete,
    JsonObject? Annotate,
    string? Revision,
    JsonObject Status,
    TimeSpan? Again)
{
    /// <summary>Where the revision of a ReplicaSet, and the present one of a Deployment, stands.</summary>
    public const string RevisionAnnotation = "deployment.kubernetes.io/revision";

    private static readonly string[] NotCopied =
        ["kubectl.kubernetes.io/last-applied-configuration", RevisionAnnotation, "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"];

    /// <summary>Whether anything but the status is to be done.</summary>
    public bool Acts => Create is not null || Scale.Count > 0 || Delete.Count > 0 || Annotate is not null || Revision is not null;

    /// <summary>Compares what is asked with the ReplicaSets it owns.</summary>
    /// <param name="deployment">The Deployment.</param>
    /// <param name="sets">The ReplicaSets it owns.</param>
    /// <param name="now">For progress deadlines and transition times.</param>
    public static DeploymentDecision Decide(JsonObject deployment, IReadOnlyList<JsonObject> sets, DateTimeOffset now)
    {
        var template = PodTemplate.Of(deployment);
        var present = sets.Where(s => PodTemplate.Same(PodTemplate.Of(s), template)).MinBy(Created);
        var old = sets.Where(s => s != present).OrderBy(Created).ThenBy(s => s.Name(), StringComparer.Ordinal).ToList();
        var (status, again) = DeploymentStatus.Next(deployment, sets, present, now);
        if (deployment.IsDeleting())
        {
            return new DeploymentDecision(null, [], [], null, null, status, null);
        }

        var paused = deployment.Truth("spec", "paused") ?? false;
        var newest = old.Select(RevisionOf).DefaultIfEmpty(0).Max();
        if (present is null)
        {
            var made = paused ? null : NewSet(deployment, template, newest + 1, FirstReplicas(deployment, old));
            var scale = made is null ? Rollout.Resize(deployment, old) : RolloutOfOld(deployment, old);
            return new DeploymentDecision(made, scale, [], null, null, status, again);
        }

        var revision = Math.Max(RevisionOf(present), newest + 1);
        var annotations = Annotations(deployment, revision);
        var text = annotations[RevisionAnnotation].Text();
        return new DeploymentDecision(
            null,
            paused ? Rollout.Resize(deployment, sets) : Rollout.Step(deployment, present, old),
            paused ? [] : Beyond(deployment, old),
            annotations.All(a => present.Annotation(a.Key) == a.Value.Text()) ? null : annotations,
            deployment.Annotation(RevisionAnnotation) == text ? null : text,
            status,
            again);
    }

    /// <summary>The name of the ReplicaSet for a template.</summary>
    public static string SetName(JsonObject deployment) =>
        $"{deployment.Name()}-{PodTemplate.Hash(PodTemplate.Of(deployment), deployment.Whole("status", "collisionCount") ?? 0)}";

    internal static long RevisionOf(JsonObject set) =>
        long.TryParse(set.Annotation(RevisionAnnotation), NumberStyles.None, CultureInfo.InvariantCulture, out var revision) ? revision : 0;

    private static int FirstReplicas(JsonObject deployment, List<JsonObject> old)
    {
        if (deployment.Text("spec", "strategy", "type") == "Recreate")
        {
            return old.TrueForAll(s => s.Replicas() == 0 && !Rollout.HasPods(s)) ? deployment.Replicas() : 0;
        }

        var (surge, _) = Rollout.Bounds(deployment);
        return Math.Clamp(deployment.Replicas() + surge - old.Sum(s => Math.Max(s.Replicas(), s.Count("replicas"))), 0, deployment.Replicas());
    }

    private static IReadOnlyList<Scaling> RolloutOfOld(JsonObject deployment, List<JsonObject> old) =>
        deployment.Text("spec", "strategy", "type") == "Recreate" ? [.. old.Where(s => s.Replicas() > 0).Select(s => new Scaling(s, 0, false))] : [];

    private static JsonObject NewSet(JsonObject deployment, JsonObject template, long revision, int replicas)
    {
        var hash = PodTemplate.Hash(template, deployment.Whole("status", "collisionCount") ?? 0);
        var labelled = template.Copy();
        labelled.Child("metadata").Child("labels")[PodTemplate.HashLabel] = hash;
        var selector = (deployment.At("spec", "selector") as JsonObject ?? []).Copy();
        selector.Child("matchLabels")[PodTemplate.HashLabel] = hash;
        var spec = new JsonObject { ["replicas"] = replicas, ["selector"] = selector, ["template"] = labelled };
        if (deployment.Whole("spec", "minReadySeconds") is { } minReady and > 0)
        {
            spec["minReadySeconds"] = minReady;
        }

        return new JsonObject
        {
            ["apiVersion"] = Kinds.ReplicaSets.ApiVersion,
            ["kind"] = Kinds.ReplicaSets.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = SetName(deployment),
                ["namespace"] = deployment.Namespace(),
                ["labels"] = labelled["metadata"]!["labels"]!.DeepClone(),
                ["annotations"] = Annotations(deployment, revision),
                ["ownerReferences"] = new JsonArray(Owners.Reference(deployment, Kinds.Deployments)),
            },
            ["spec"] = spec,
        };
    }

    private static JsonObject Annotations(JsonObject deployment, long revision)
    {
        var annotations = new JsonObject();
        foreach (var (key, value) in deployment.At("metadata", "annotations") as JsonObject ?? [])
        {
            if (!NotCopied.Contains(key))
            {
                annotations[key] = value?.DeepClone();
            }
        }

        annotations[RevisionAnnotation] = revision.ToString(CultureInfo.InvariantCulture);
        return annotations;
    }

    private static IReadOnlyList<JsonObject> Beyond(JsonObject deployment, List<JsonObject> old)
    {
        var kept = (int)Math.Clamp(deployment.Whole("spec", "revisionHistoryLimit") ?? 10, 0, int.MaxValue);
        var idle = old.Where(s => s.Replicas() == 0 && s.Count("replicas") == 0 && !s.IsDeleting()).ToList();
        return idle.Count <= kept ? [] : [.. idle.OrderBy(RevisionOf).Take(idle.Count - kept)];
    }

    private static DateTimeOffset Created(JsonObject set) => set.Time("metadata", "creationTimestamp") ?? DateTimeOffset.MinValue;
}
