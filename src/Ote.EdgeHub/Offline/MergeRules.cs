using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Offline;

/// <summary>
/// What becomes of each kind that components write while the node is cut off. The node is right about what it sees (status of itself and of its pods, which pods have ended), users are right about what they want
/// (specs, labels). Nothing here makes a kubelet start or end a pod whose spec did not change. Pure.
/// </summary>
internal static class MergeRules
{
    /// <summary>Events are of use for as long as an API server keeps them.</summary>
    public static readonly TimeSpan EventLife = TimeSpan.FromHours(1);

    /// <summary>The hash of a static pod's manifest, by which kubelets tell whether a mirror pod is still right.</summary>
    private const string MirrorHash = "kubernetes.io/config.mirror";

    private const string CsiNodes = "storage.k8s.io/csinodes";
    private const string Leases = "coordination.k8s.io/leases";
    private const string Requests = "certificates.k8s.io/certificatesigningrequests";

    /// <summary>Whether writes of a kind are taken while cut off.</summary>
    /// <param name="resource"><c>group/plural</c>.</param>
    public static bool Takes(string resource) => resource is "/nodes" or "/pods" or "/events" or "events.k8s.io/events" or Leases or CsiNodes or Requests;

    /// <summary>Whether deletions of a kind are taken while cut off: a kubelet ends its pods; whether a node is one of the cluster's is not the node's to say.</summary>
    public static bool TakesDeletion(string resource) => resource == "/pods";

    /// <summary>Whether the API server is to hear of them: a lease is renewed by its holder as soon as it can be, and says nothing of the past.</summary>
    public static bool Journals(string resource) => resource != Leases;

    /// <summary>Whether components of the node read what is written of a kind: nobody on a node reads events.</summary>
    public static bool Shows(string resource) => !IsEvent(resource);

    /// <summary>Whether it is one of the kinds of events.</summary>
    public static bool IsEvent(string resource) => resource is "/events" or "events.k8s.io/events";

    /// <summary>How an event is told when it turned out to be there already, or to be gone.</summary>
    public static MergeStep EventOtherwise(JsonObject here, bool isThere)
    {
        if (!isThere)
        {
            return Create(here);
        }

        var body = here.Copy();
        body.Remove("metadata");
        return new MergeStep.Patch(body, null);
    }

    /// <summary>Why a pod may not be made while cut off; null: it may. Only the API server admits and places pods, but what a kubelet shows of a pod of its own manifests is the kubelet's.</summary>
    public static string? RefusesPod(JsonObject pod) => pod.Annotation(MirrorHash) is not null ? null
        : "while the node is cut off from its API servers no pod is admitted; only mirror pods of the kubelet's own manifests are. Create it when they answer again, or put its manifest into the kubelet's folder for static pods";

    /// <summary>
    /// What the API server was told before and has now was heard, though its answer may have been lost: what users are right about must not be taken for a user's change when it is the node's own. Gives the entry with that in its base.
    /// </summary>
    public static JournalEntry Heard(JournalEntry entry, JsonObject? there)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry is not { Base: { } before, Sent: { } sent } || there?.Uid() != before.Uid())
        {
            return entry;
        }

        var known = before.Copy();
        foreach (var part in (string[])["labels", "annotations"])
        {
            var (then, now) = (sent.At("metadata", part) as JsonObject ?? [], there.At("metadata", part) as JsonObject ?? []);
            foreach (var name in then.Union(before.At("metadata", part) as JsonObject ?? []).Select(field => field.Key).Where(name => JsonNode.DeepEquals(then[name], now[name])).ToArray())
            {
                known.Child("metadata").Child(part).Remove(name);
                if (now[name] is { } value)
                {
                    known.Child("metadata").Child(part)[name] = value.DeepClone();
                }
            }
        }

        return entry with { Base = known };
    }

    /// <summary>How an entry is merged with what the API server has now.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="there">The object there; null: there is none of its name.</param>
    /// <param name="now">The time.</param>
    public static Merge Decide(JournalEntry entry, JsonObject? there, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return entry.Key.Resource switch
        {
            "/pods" => Pod(entry, there),
            "/events" or "events.k8s.io/events" => Event(entry, there, now),
            Requests => Request(entry, there),
            _ => Other(entry, there),
        };
    }

    private static Merge Pod(JournalEntry entry, JsonObject? there)
    {
        var steps = new List<MergeStep>();
        var conflicts = new List<string>();
        var (before, here) = (entry.Base, entry.Local);
        if (here is null)
        {
            return before is not null && there?.Uid() == before.Uid() ? new Merge([new MergeStep.Delete(before.Uid())], []) : Merge.Nothing;
        }

        if (before is not null && before.Uid() == here.Uid())
        {
            if (there?.Uid() != here.Uid())
            {
                return new Merge([], [$"the pod {entry.Key.Namespace}/{entry.Key.Name} was {(there is null ? "deleted" : "replaced")} while the node was cut off; what it did since is told to nobody"]);
            }

            Change(before, here, there, steps, conflicts);
            if (Dropped(before, here, there) is { Length: > 0 } dropped)
            {
                conflicts.Add($"{dropped} changed here, which is told to nobody: what a pod is to be, the API server says");
            }

            if (here.IsDeleting() && !before.IsDeleting() && !there.IsDeleting())
            {
                steps.Add(new MergeStep.Delete(here.Uid(), here.Whole("metadata", "deletionGracePeriodSeconds") ?? 0));
            }

            return new Merge(steps, conflicts);
        }

        // It was made here: a mirror pod.
        if (there is not null && there.Annotation(MirrorHash) == here.Annotation(MirrorHash))
        {
            Change(there, WithUid(here, there.Uid()), there, steps, conflicts);
            return new Merge(steps, conflicts);
        }

        if (there is not null)
        {
            if (there.Annotation(MirrorHash) is null)
            {
                return new Merge([], [$"a pod {entry.Key.Namespace}/{entry.Key.Name} was created at the API server meanwhile; the mirror pod of that name gives way"]);
            }

            steps.Add(new MergeStep.Delete(there.Uid()));
        }

        steps.Add(Create(here));
        return new Merge(steps, conflicts);
    }

    /// <summary>What is still to be told of an object after the API server has made it: it gives pods a status of its own, and their kubelet does not say again what was taken from it here.</summary>
    /// <param name="here">The object as it is here.</param>
    /// <param name="made">As the API server made it.</param>
    public static IReadOnlyList<MergeStep> AfterCreation(JsonObject here, JsonObject made)
    {
        var steps = new List<MergeStep>();
        if (here["status"] is JsonObject)
        {
            Change(made, WithUid(here, made.Uid()), made, steps, []);
        }

        return steps;
    }

    private static Merge Event(JournalEntry entry, JsonObject? there, DateTimeOffset now)
    {
        if (entry.Local is not { } here || now - entry.Began > EventLife)
        {
            return Merge.Nothing;
        }

        if (there is null)
        {
            return new Merge([Create(here)], []);
        }

        var body = ThreeWay.Patch(entry.Base, here, there, Owner.Node, "", []);
        body.Remove("metadata");
        return body.Count == 0 ? Merge.Nothing : new Merge([new MergeStep.Patch(body, null)], []);
    }

    /// <summary>A node makes requests for certificates, and says nothing more of them.</summary>
    private static Merge Request(JournalEntry entry, JsonObject? there) => entry switch
    {
        { Base: null, Local: { } here } when there is null => new Merge([Create(here)], []),
        { Base: { } before, Local: { } here } when there is not null && Dropped(before, here, there) is { Length: > 0 } dropped => new Merge([], [$"{dropped} changed here, which is told to nobody: a node only makes such requests"]),
        _ => Merge.Nothing,
    };

    /// <summary>The fields that are neither labels, annotations nor status, and were changed here to something else than they are there, as the beginning of a sentence; empty: there are none.</summary>
    private static string Dropped(JsonObject before, JsonObject here, JsonObject there)
    {
        var changed = ThreeWay.Patch(Rest(before), Rest(here), Rest(there), Owner.Node, "", []);
        string[] fields = [.. changed.SelectMany(part => part.Value is JsonObject inner ? inner.Select(field => $"{part.Key}.{field.Key}") : [part.Key])];
        return fields.Length == 0 ? "" : string.Join(", ", fields) + (fields.Length == 1 ? " was" : " were");
    }

    /// <summary>Nodes, CSINodes.</summary>
    private static Merge Other(JournalEntry entry, JsonObject? there)
    {
        var steps = new List<MergeStep>();
        var conflicts = new List<string>();
        switch (entry)
        {
            case { Local: { } here } when there is null:
                // The node's object was deleted, or is new: the node is there, and says so.
                steps.Add(Create(here));
                break;
            case { Local: { } here }:
                Change(entry.Base, WithUid(here, there!.Uid()), there, steps, conflicts);
                // Which drivers a node has only its kubelet knows.
                Rest(entry.Base, here, there, entry.Key.Resource == CsiNodes ? Owner.Node : Owner.Upstream, steps, conflicts);
                break;
            default:
                break; // Deletions are not taken.
        }

        return new Merge(steps, conflicts);
    }

    private static void Change(JsonObject? before, JsonObject here, JsonObject there, List<MergeStep> steps, List<string> conflicts)
    {
        var status = ThreeWay.Patch(before?["status"] as JsonObject, here["status"] as JsonObject ?? [], there["status"] as JsonObject, Owner.Node, "status", []);
        var rest = new JsonObject();
        foreach (var part in (string[])["labels", "annotations"])
        {
            var changed = ThreeWay.Patch(
                before.At("metadata", part) as JsonObject, here.At("metadata", part) as JsonObject ?? [], there.At("metadata", part) as JsonObject, Owner.Upstream, $"metadata.{part}", conflicts);
            if (changed.Count > 0)
            {
                rest[part] = changed;
            }
        }

        if (rest.Count > 0)
        {
            rest["uid"] = there.Uid();
            steps.Add(new MergeStep.Patch(new JsonObject { ["metadata"] = rest }, null));
        }

        if (status.Count > 0)
        {
            steps.Add(new MergeStep.Patch(new JsonObject { ["metadata"] = new JsonObject { ["uid"] = there.Uid() }, ["status"] = status }, "status"));
        }
    }

    /// <summary>Everything that is neither a label, an annotation nor status.</summary>
    private static void Rest(JsonObject? before, JsonObject here, JsonObject there, Owner owner, List<MergeStep> steps, List<string> conflicts)
    {
        var patch = ThreeWay.Patch(Rest(before), Rest(here), Rest(there), owner, "", conflicts);
        if (patch.Count == 0)
        {
            return;
        }

        var metadata = patch["metadata"] as JsonObject ?? [];
        metadata["uid"] = there.Uid();
        patch["metadata"] = metadata;
        steps.Add(new MergeStep.Patch(patch, null));
    }

    private static JsonObject Rest(JsonObject? whole)
    {
        var rest = new JsonObject();
        foreach (var (name, value) in whole ?? [])
        {
            if (name is not ("apiVersion" or "kind" or "metadata" or "status"))
            {
                rest[name] = value?.DeepClone();
            }
        }

        rest["metadata"] = new JsonObject();
        foreach (var name in (string[])["finalizers", "ownerReferences"])
        {
            if (whole.At("metadata", name) is { } value)
            {
                rest.Child("metadata")[name] = value.DeepClone();
            }
        }

        return rest;
    }

    private static JsonObject WithUid(JsonObject obj, string uid)
    {
        var copy = obj.Copy();
        copy.Child("metadata")["uid"] = uid;
        return copy;
    }

    /// <summary>What the API server deals out is left to it.</summary>
    private static MergeStep.Create Create(JsonObject obj)
    {
        var copy = obj.Copy();
        if (copy["metadata"] is JsonObject metadata)
        {
            foreach (var own in (string[])["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"])
            {
                metadata.Remove(own);
            }
        }

        return new MergeStep.Create(copy);
    }
}
