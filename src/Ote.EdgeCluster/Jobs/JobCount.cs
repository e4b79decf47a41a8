using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Jobs;

/// <summary>
/// How many pods of a job did their work and how many failed, however often the job is looked at and whatever dies in between. A pod
/// that ended is first named in <c>status.uncountedTerminatedPods</c>; when that is stored the pod is let go; and when it is seen to be
/// let go its name becomes a number. Each step can be done again without counting twice. Pure.
/// </summary>
internal sealed class JobCount
{
    private readonly List<string> _succeeded = [];
    private readonly List<string> _failed = [];
    private readonly List<JsonObject> _untrack = [];
    private long _countedSucceeded;
    private long _countedFailed;

    /// <summary>Counts.</summary>
    /// <param name="job">The job, with what it counted before.</param>
    /// <param name="pods">The pods it owns.</param>
    public JobCount(JsonObject job, IReadOnlyList<JsonObject> pods)
    {
        Completions = job.Whole("spec", "completions");
        IsIndexed = job.Text("spec", "completionMode") == "Indexed";
        _countedSucceeded = job.Whole("status", "succeeded") ?? 0;
        _countedFailed = job.Whole("status", "failed") ?? 0;
        Indexes = IndexSet.Parse(job.Text("status", "completedIndexes"), (int)(Completions ?? 0));
        var byUid = pods.ToDictionary(p => p.Uid(), StringComparer.Ordinal);
        Settle(job.Items("status", "uncountedTerminatedPods", "succeeded"), byUid, _succeeded, ref _countedSucceeded);
        Settle(job.Items("status", "uncountedTerminatedPods", "failed"), byUid, _failed, ref _countedFailed);
        var doomed = job.IsTrue("FailureTarget"); // what it then takes away counts as failed, as with the real controller
        foreach (var pod in pods.Where(JobPod.IsTracked))
        {
            if (JobPod.Succeeded(pod))
            {
                Succeed(pod);
            }
            else if (JobPod.Failed(pod) || (doomed && pod.IsDeleting()))
            {
                Name(pod, _failed);
            }
        }
    }

    /// <summary>How many successes are asked for; null: the first decides.</summary>
    public long? Completions { get; }

    public bool IsIndexed { get; }

    /// <summary>The indexes that are done.</summary>
    public SortedSet<int> Indexes { get; }

    /// <summary>Pods that did their work; of an Indexed job the indexes that are done.</summary>
    public long Succeeded => IsIndexed ? Indexes.Count : _countedSucceeded + _succeeded.Count;

    /// <summary>Pods that failed.</summary>
    public long Failed => _countedFailed + _failed.Count;

    /// <summary>Everything that ended is a number: nothing is being let go.</summary>
    public bool IsSettled => _succeeded.Count == 0 && _failed.Count == 0;

    /// <summary>Pods to let go once the status is stored.</summary>
    public IReadOnlyList<JsonObject> Untrack => _untrack;

    /// <summary>Puts the counts into a status.</summary>
    public void Show(JsonObject status)
    {
        status.SetCount("succeeded", IsIndexed ? Indexes.Count : _countedSucceeded);
        status.SetCount("failed", _countedFailed);
        if (IsIndexed && Indexes.Count > 0)
        {
            status["completedIndexes"] = IndexSet.Text(Indexes);
        }

        if (!IsSettled)
        {
            var uncounted = new JsonObject();
            Put(uncounted, "succeeded", _succeeded);
            Put(uncounted, "failed", _failed);
            status["uncountedTerminatedPods"] = uncounted;
        }
    }

    private static void Put(JsonObject uncounted, string name, List<string> uids)
    {
        if (uids.Count > 0)
        {
            uncounted[name] = new JsonArray([.. uids.Select(uid => (JsonNode)uid)]);
        }
    }

    private static void Settle(JsonArray? named, Dictionary<string, JsonObject> pods, List<string> still, ref long counted)
    {
        foreach (var uid in (named ?? []).Select(n => n.Text()).OfType<string>())
        {
            if (pods.TryGetValue(uid, out var pod) && JobPod.IsTracked(pod))
            {
                still.Add(uid);
            }
            else
            {
                counted++;
            }
        }
    }

    private void Succeed(JsonObject pod)
    {
        if (!IsIndexed)
        {
            Name(pod, _succeeded);
            return;
        }

        // Two pods of one index may both have done it: it is done once.
        if (JobPod.IndexOf(pod) is { } index && index < Completions)
        {
            Indexes.Add(index);
        }

        Name(pod, _succeeded);
    }

    private void Name(JsonObject pod, List<string> uids)
    {
        if (!uids.Contains(pod.Uid()))
        {
            uids.Add(pod.Uid());
        }

        _untrack.Add(pod);
    }
}
