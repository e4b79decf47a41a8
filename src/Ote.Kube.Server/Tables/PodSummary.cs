using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Tables;

/// <summary>What the STATUS, READY and RESTARTS columns say of a pod.</summary>
internal sealed record PodSummary(string Status, int Ready, int Total, long Restarts, DateTimeOffset? LastRestart)
{
    public static PodSummary Of(JsonObject pod) => new Reading(pod).Sum();

    /// <summary>One pass over the container statuses; later containers overrule earlier ones as the real server has it.</summary>
    private sealed class Reading(JsonObject pod)
    {
        private readonly List<JsonObject> _initSpecs = [.. pod.ObjectsAt("spec", "initContainers")];
        private string _status = pod.TextAt("status", "reason") is { Length: > 0 } reason ? reason : pod.TextAt("status", "phase") ?? "";
        private int _ready;
        private long _restarts, _sidecarRestarts;
        private DateTimeOffset? _lastRestart, _lastSidecarRestart;

        public PodSummary Sum()
        {
            int total = pod.ObjectsAt("spec", "containers").Count() + _initSpecs.Count(IsSidecar);
            if (pod.ObjectsAt("status", "conditions").Any(c => c.TextAt("type") == "PodScheduled" && c.TextAt("reason") == "SchedulingGated"))
                _status = "SchedulingGated";
            bool initializing = ReadInit();
            if (!initializing || Cells.Condition(pod, "Initialized") == "True")
                ReadContainers();
            if (pod.At("metadata", "deletionTimestamp") is not null)
            {
                if (pod.TextAt("status", "reason") == "NodeLost")
                    _status = "Unknown";
                else if (pod.TextAt("status", "phase") is not ("Succeeded" or "Failed"))
                    _status = "Terminating";
            }
            return new PodSummary(_status, _ready, total, _restarts, _lastRestart);
        }

        /// <summary>Whether an init container is still at work.</summary>
        private bool ReadInit()
        {
            int index = 0;
            foreach (JsonObject container in pod.ObjectsAt("status", "initContainerStatuses"))
            {
                int at = index++;
                bool sidecar = _initSpecs.Find(s => s.TextAt("name") == container.TextAt("name")) is { } spec && IsSidecar(spec);
                _restarts += container.NumberAt("restartCount") ?? 0;
                _lastRestart = Later(_lastRestart, container);
                if (sidecar)
                {
                    _sidecarRestarts += container.NumberAt("restartCount") ?? 0;
                    _lastSidecarRestart = Later(_lastSidecarRestart, container);
                }
                JsonObject? terminated = container.ObjectAt("state", "terminated");
                if (terminated is not null && (terminated.NumberAt("exitCode") ?? 0) == 0)
                    continue;
                if (sidecar && container.FlagAt("started"))
                {
                    if (container.FlagAt("ready"))
                        _ready++;
                    continue;
                }
                string? waiting = container.TextAt("state", "waiting", "reason");
                _status = "Init:" + (terminated is not null ? Ended(terminated)
                    : waiting is { Length: > 0 } and not "PodInitializing" ? waiting : $"{at}/{_initSpecs.Count}");
                return true;
            }
            return false;
        }

        private void ReadContainers()
        {
            _restarts = _sidecarRestarts;
            _lastRestart = _lastSidecarRestart;
            bool running = false;
            foreach (JsonObject container in pod.ObjectsAt("status", "containerStatuses").Reverse())
            {
                _restarts += container.NumberAt("restartCount") ?? 0;
                _lastRestart = Later(_lastRestart, container);
                if (container.TextAt("state", "waiting", "reason") is { Length: > 0 } waiting)
                    _status = waiting;
                else if (container.ObjectAt("state", "terminated") is { } terminated)
                    _status = Ended(terminated);
                else if (container.FlagAt("ready") && container.ObjectAt("state", "running") is not null)
                {
                    running = true;
                    _ready++;
                }
            }
            if (_status == "Completed" && running)
                _status = Cells.Condition(pod, "Ready") == "True" ? "Running" : "NotReady";
        }

        private static string Ended(JsonObject terminated) => terminated.TextAt("reason") is { Length: > 0 } reason ? reason
            : terminated.NumberAt("signal") is { } signal and not 0 ? $"Signal:{signal}" : $"ExitCode:{terminated.NumberAt("exitCode") ?? 0}";

        private static bool IsSidecar(JsonObject spec) => spec.TextAt("restartPolicy") == "Always";

        private static DateTimeOffset? Later(DateTimeOffset? known, JsonObject container)
        {
            DateTimeOffset? finished = HumanAge.Parse(container.At("lastState", "terminated", "finishedAt"));
            return finished is not null && (known is null || finished > known) ? finished : known;
        }
    }
}
