using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>
/// One container that is not really run: a state machine in virtual time. Each event happens at <see cref="Due"/> exactly,
/// however late <see cref="Advance"/> is called, so what it shows does not depend on timers. Not thread-safe.
/// </summary>
internal sealed class SimulatedContainer
{
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan CalmRun = TimeSpan.FromMinutes(10);

    private readonly string _restartPolicy;
    private readonly string _name;
    private string _image;
    private string _waitingReason = "PodInitializing";
    private string? _waitingMessage;
    private DateTimeOffset? _started;
    private JsonObject? _terminated;
    private JsonObject? _last;
    private int _restarts;
    private int _crashes;
    private bool _everStarted;

    /// <summary>Makes a container that waits for its turn.</summary>
    /// <param name="spec">The container's object in the pod's spec.</param>
    /// <param name="script">How it behaves.</param>
    /// <param name="restartPolicy">Always, OnFailure or Never.</param>
    public SimulatedContainer(JsonObject spec, ContainerScript script, string restartPolicy)
    {
        _name = spec.Text("name") ?? "";
        _image = spec.Text("image") ?? "";
        _restartPolicy = restartPolicy;
        Script = script;
    }

    public string Name => _name;

    /// <summary>It is an init container that is meant to run on.</summary>
    public bool IsSidecar => _restartPolicy == "Always";

    public ContainerScript Script { get; private set; }

    /// <summary>When it next changes by itself; null: never.</summary>
    public DateTimeOffset? Due { get; private set; }

    public bool IsRunning => _started is not null;

    public bool IsReady { get; private set; }

    /// <summary>It ran at least once.</summary>
    public bool WasStarted => _everStarted;

    /// <summary>Its exit code once it has ended for good.</summary>
    public int? FinalExitCode => _terminated is null ? null : (int)(_terminated.Whole("exitCode") ?? 0);

    /// <summary>Lets it begin if it waits for its turn.</summary>
    public void BeginIfWaiting(DateTimeOffset now)
    {
        if (_waitingReason == "PodInitializing")
        {
            Begin(now);
        }
    }

    private void Begin(DateTimeOffset now)
    {
        _waitingReason = "ContainerCreating";
        _waitingMessage = null;
        Due = now + (Script.StartDelay ?? TimeSpan.Zero);
    }

    /// <summary>Goes on from what a pod's status says it was.</summary>
    public void Resume(JsonObject status, DateTimeOffset now)
    {
        _restarts = (int)(status.Whole("restartCount") ?? 0);
        _crashes = _restarts;
        _last = status["lastState"]?["terminated"]?.DeepClone() as JsonObject;
        _waitingReason = "ContainerCreating";
        if (status.Time("state", "running", "startedAt") is { } started)
        {
            Run(started);
        }
        else if (status["state"]?["terminated"] is JsonObject terminated)
        {
            _everStarted = true;
            _terminated = (JsonObject)terminated.DeepClone();
        }
        else if (_last is not null && status.Text("state", "waiting", "reason") == "CrashLoopBackOff")
        {
            _everStarted = true;
            WaitToRestart(_last.Time("finishedAt") ?? now);
        }
        else
        {
            Begin(now);
        }
    }

    /// <summary>Takes over a changed spec or script. A container that could not start tries again; a changed image restarts a running one.</summary>
    public void Update(JsonObject spec, ContainerScript script, DateTimeOffset now)
    {
        var image = spec.Text("image") ?? "";
        var (otherImage, otherScript) = (image != _image, script != Script);
        (_image, Script) = (image, script);
        if (otherImage && IsRunning)
        {
            _crashes = 0;
            End(now, 0, "Killed");
        }
        else if (IsRunning && otherScript)
        {
            Run(_started!.Value);
        }
        else if ((otherImage || otherScript) && _terminated is null && Due is null && _waitingReason is "ErrImagePull" or "ImagePullBackOff")
        {
            Begin(now);
        }
    }

    /// <summary>Ends it for good, whatever its restart policy.</summary>
    public void Stop(DateTimeOffset at, int code)
    {
        Due = null;
        if (_terminated is not null)
        {
            return;
        }

        _terminated = new JsonObject
        {
            ["exitCode"] = code,
            ["reason"] = code == 0 ? "Completed" : "Error",
            ["startedAt"] = (_started ?? at).ToKubeTime(),
            ["finishedAt"] = at.ToKubeTime(),
        };
        _started = null;
        IsReady = false;
    }

    /// <summary>Carries out what is due.</summary>
    public void Advance()
    {
        var now = Due ?? throw new InvalidOperationException($"container {_name} has nothing due");
        if (!IsRunning && Script.ImagePullError is { } error && _waitingReason is "ContainerCreating")
        {
            (_waitingReason, _waitingMessage, Due) = ("ErrImagePull", error, now + FirstBackoff);
        }
        else if (_waitingReason == "ErrImagePull" && !IsRunning)
        {
            // Every later try would say the same; it stays here until the pod changes, so that an idle cluster is idle.
            (_waitingReason, _waitingMessage, Due) = ("ImagePullBackOff", $"Back-off pulling image \"{_image}\": {Script.ImagePullError}", null);
        }
        else if (!IsRunning)
        {
            if (_everStarted)
            {
                _restarts++;
            }

            Run(now);
        }
        else if (!IsReady && !(Script.NeverReady ?? false) && (End() is not { } end || ReadyAt() < end))
        {
            IsReady = true;
            Due = End();
        }
        else
        {
            End(now, Script.ExitCode ?? 0, null);
        }
    }

    /// <summary>The container's entry in the pod's status.</summary>
    public JsonObject Status(string podUid)
    {
        var state = new JsonObject();
        if (_started is { } started)
        {
            state["running"] = new JsonObject { ["startedAt"] = started.ToKubeTime() };
        }
        else if (_terminated is not null)
        {
            state["terminated"] = _terminated.DeepClone();
        }
        else
        {
            var waiting = new JsonObject { ["reason"] = _waitingReason };
            if (_waitingMessage is not null)
            {
                waiting["message"] = _waitingMessage;
            }

            state["waiting"] = waiting;
        }

        var status = new JsonObject
        {
            ["name"] = _name,
            ["image"] = _image,
            ["imageID"] = _everStarted ? $"simulated://{_image}" : "",
            ["ready"] = IsReady,
            ["started"] = IsRunning,
            ["restartCount"] = _restarts,
            ["state"] = state,
            ["lastState"] = _last is null ? new JsonObject() : new JsonObject { ["terminated"] = _last.DeepClone() },
        };
        if (_everStarted)
        {
            status["containerID"] = $"simulated://{podUid}/{_name}";
        }

        return status;
    }

    private void Run(DateTimeOffset at)
    {
        _everStarted = true;
        _started = at;
        IsReady = false;
        if (Script.NeverReady ?? false)
        {
            Due = End();
            return;
        }

        var ready = ReadyAt();
        if (ready <= at)
        {
            IsReady = true;
            Due = End();
        }
        else
        {
            Due = End() is { } end && end <= ready ? end : ready;
        }
    }

    private DateTimeOffset ReadyAt() => _started!.Value + (Script.ReadyAfter ?? TimeSpan.Zero);

    private DateTimeOffset? End() => _started + Script.ExitAfter;

    private void End(DateTimeOffset now, int code, string? reason)
    {
        var ran = now - _started!.Value;
        var end = new JsonObject
        {
            ["exitCode"] = code,
            ["reason"] = reason ?? (code == 0 ? "Completed" : "Error"),
            ["startedAt"] = _started.Value.ToKubeTime(),
            ["finishedAt"] = now.ToKubeTime(),
        };
        _started = null;
        IsReady = false;
        Due = null;
        if (_restartPolicy == "Always" || (_restartPolicy == "OnFailure" && code != 0))
        {
            _last = end;
            _crashes = ran >= CalmRun ? 0 : _crashes;
            WaitToRestart(now);
        }
        else
        {
            _terminated = end;
        }
    }

    private void WaitToRestart(DateTimeOffset ended)
    {
        // As the kubelet does it: at once the first time, then 10 s, doubling up to 5 min.
        var wait = _crashes == 0 ? TimeSpan.Zero : FirstBackoff * Math.Pow(2, Math.Min(_crashes - 1, 10));
        wait = wait < LongestBackoff ? wait : LongestBackoff;
        _crashes++;
        _waitingReason = "CrashLoopBackOff";
        _waitingMessage = $"back-off {(int)wait.TotalSeconds}s restarting failed container={_name}";
        Due = ended + wait;
    }
}
