using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>
/// One pod that is not really run: its containers' state machines in the order Kubernetes runs them (init containers one
/// after the other, then all at once). No clock of its own. Not thread-safe.
/// </summary>
internal sealed class SimulatedPod
{
    /// <summary>Stands in <c>status.message</c> of every simulated pod, where <c>kubectl describe pod</c> shows it.</summary>
    public const string Notice = "simulated: this pod's containers are not really run";

    private readonly List<SimulatedContainer> _init = [];
    private readonly List<SimulatedContainer> _main = [];
    private readonly List<SimulatedContainer> _extra = []; // ephemeral: they come to a pod that runs, and nothing waits for them
    private readonly string _hostAddress;
    private readonly DateTimeOffset _started;
    private readonly JsonObject _conditions = [];
    private DateTimeOffset _changed;
    private DateTimeOffset? _stopAt;
    private bool _isKilled;

    /// <summary>Starts the pod, or goes on from its recorded status if that says it ran on a node.</summary>
    public SimulatedPod(JsonObject pod, Func<JsonObject, string, ContainerScript> scripts, string address, string hostAddress, DateTimeOffset now)
    {
        Object = pod.Copy();
        Address = address;
        _hostAddress = hostAddress;
        _changed = now;
        _started = pod.Time("status", "startTime") ?? now;
        if (pod.Items("status", "conditions") is { } recorded)
        {
            _conditions["conditions"] = recorded.DeepClone();
        }

        var policy = pod.Text("spec", "restartPolicy") ?? "Always";
        foreach (var spec in Specs(pod, "initContainers"))
        {
            var own = spec.Text("restartPolicy") == "Always" ? "Always" : policy == "Always" ? "OnFailure" : policy;
            _init.Add(new SimulatedContainer(spec, InitScript(scripts(pod, spec.Text("name") ?? ""), own), own));
        }

        foreach (var spec in Specs(pod, "containers"))
        {
            _main.Add(new SimulatedContainer(spec, scripts(pod, spec.Text("name") ?? ""), policy));
        }

        AddExtra(pod, scripts);
        Resume(pod, now);
        BeginWhatMay(now);
    }

    /// <summary>The object it was made or updated from last.</summary>
    public JsonObject Object { get; private set; }

    /// <summary>Its IP address.</summary>
    public string Address { get; }

    /// <summary>When it next changes by itself; null: never.</summary>
    public DateTimeOffset? Due => All.Select(c => c.Due).Append(IsStopped ? null : _stopAt).Min();

    /// <summary>It was asked to end, and has.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Asks it to end; it does after the longest of its containers' times, at the deadline at the latest.</summary>
    public void Stop(DateTimeOffset asked, DateTimeOffset deadline)
    {
        if (_stopAt is null)
        {
            var willing = asked + _main.Select(c => c.IsRunning ? c.Script.StopAfter ?? TimeSpan.Zero : TimeSpan.Zero).DefaultIfEmpty(TimeSpan.Zero).Max();
            (_stopAt, _isKilled) = willing <= deadline ? (willing, false) : (deadline, true);
        }
    }

    /// <summary>Carries out everything due by <paramref name="now"/>, each at its own time. Returns whether anything was.</summary>
    public bool Advance(DateTimeOffset now)
    {
        var any = false;
        while (Due is { } due && due <= now)
        {
            _changed = due;
            any = true;
            if (_stopAt <= due && !IsStopped)
            {
                IsStopped = true;
                All.ToList().ForEach(c => c.Stop(due, _isKilled ? 137 : 0));
                continue;
            }

            All.First(c => c.Due == due).Advance();
            BeginWhatMay(due);
        }

        return any;
    }

    /// <summary>Takes over a changed object.</summary>
    public void Update(JsonObject pod, Func<JsonObject, string, ContainerScript> scripts, DateTimeOffset now)
    {
        Advance(now);
        Object = pod.Copy();
        foreach (var (containers, field) in new[] { (_init, "initContainers"), (_main, "containers") })
        {
            foreach (var (container, spec) in containers.Zip(Specs(pod, field)))
            {
                var script = scripts(pod, spec.Text("name") ?? "");
                container.Update(spec, containers == _init ? InitScript(script, spec.Text("restartPolicy") ?? "") : script, now);
            }
        }

        AddExtra(pod, scripts);
        _changed = now;
        BeginWhatMay(now);
    }

    /// <summary>A fresh status object.</summary>
    public JsonObject Status()
    {
        var initialized = _init.TrueForAll(IsPassed);
        var phase = Phase();
        var over = phase is "Succeeded" or "Failed";
        var ready = !over && _main.TrueForAll(c => c.IsReady);
        var (reason, message) = over ? ("PodCompleted", "") : ready ? ("", "") : ("ContainersNotReady", "some containers are not ready");
        Conditions.SetCondition(_conditions, "PodScheduled", true, "", "", _started);
        Conditions.SetCondition(
            _conditions, "Initialized", initialized, initialized ? "" : "ContainersNotInitialized", initialized ? "" : "init containers have not all ended", _changed);
        Conditions.SetCondition(_conditions, "ContainersReady", ready, reason, message, _changed);
        Conditions.SetCondition(_conditions, "Ready", ready, reason, message, _changed);
        var status = new JsonObject
        {
            ["phase"] = phase,
            ["message"] = Notice,
            ["conditions"] = _conditions["conditions"]!.DeepClone(),
            ["hostIP"] = _hostAddress,
            ["hostIPs"] = new JsonArray(new JsonObject { ["ip"] = _hostAddress }),
            ["podIP"] = Address,
            ["podIPs"] = new JsonArray(new JsonObject { ["ip"] = Address }),
            ["startTime"] = _started.ToKubeTime(),
            ["containerStatuses"] = Statuses(_main),
        };
        if (_init.Count > 0)
        {
            status["initContainerStatuses"] = Statuses(_init);
        }

        if (_extra.Count > 0)
        {
            status["ephemeralContainerStatuses"] = Statuses(_extra);
        }

        return status;
    }

    private IEnumerable<SimulatedContainer> All => _init.Concat(_main).Concat(_extra);

    private void AddExtra(JsonObject pod, Func<JsonObject, string, ContainerScript> scripts)
    {
        foreach (var spec in Specs(pod, "ephemeralContainers").Where(s => !_extra.Exists(c => c.Name == s.Text("name"))))
        {
            _extra.Add(new SimulatedContainer(spec, scripts(pod, spec.Text("name") ?? ""), "Never"));
        }
    }

    private static IEnumerable<JsonObject> Specs(JsonObject pod, string field) => pod.Items("spec", field)?.OfType<JsonObject>() ?? [];

    /// <summary>An init container that no script ends is one that does its work at once; a sidecar runs on.</summary>
    private static ContainerScript InitScript(ContainerScript script, string restartPolicy) =>
        restartPolicy == "Always" ? script : script with { ExitAfter = script.ExitAfter ?? TimeSpan.Zero };

    /// <summary>The next may begin: it ended well, or is a sidecar that runs.</summary>
    private static bool IsPassed(SimulatedContainer container) => container.FinalExitCode == 0 || (container.IsSidecar && container.IsRunning);

    private JsonArray Statuses(List<SimulatedContainer> containers) => [.. containers.Select(c => (JsonNode)c.Status(Object.Uid()))];

    private void Resume(JsonObject pod, DateTimeOffset now)
    {
        foreach (var (containers, field) in new[] { (_init, "initContainerStatuses"), (_main, "containerStatuses"), (_extra, "ephemeralContainerStatuses") })
        {
            foreach (var status in pod.Items("status", field)?.OfType<JsonObject>() ?? [])
            {
                if (containers.Find(c => c.Name == status.Text("name")) is { } container && status.Text("state", "waiting", "reason") != "PodInitializing")
                {
                    container.Resume(status, now);
                }
            }
        }
    }

    private void BeginWhatMay(DateTimeOffset now)
    {
        _extra.ForEach(c => c.BeginIfWaiting(now));
        foreach (var container in _init)
        {
            container.BeginIfWaiting(now);
            if (!IsPassed(container))
            {
                return;
            }
        }

        _main.ForEach(c => c.BeginIfWaiting(now));
    }

    private string Phase()
    {
        if (_init.Exists(c => c.FinalExitCode is > 0))
        {
            return "Failed";
        }

        if (_main.TrueForAll(c => c.FinalExitCode is not null))
        {
            return _main.TrueForAll(c => c.FinalExitCode == 0) ? "Succeeded" : "Failed";
        }

        return _main.TrueForAll(c => c.WasStarted) ? "Running" : "Pending";
    }
}
