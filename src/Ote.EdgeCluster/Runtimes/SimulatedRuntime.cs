using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>
/// A runtime that runs nothing: pods go through their states in virtual time, by script. One timer per node, set to the
/// next event of any of its pods, and none while nothing is due. A pod whose object says that it ran here goes on from
/// there, address and restart counts kept: to simulated pods an end of the process is not an event.
/// </summary>
public sealed class SimulatedRuntime : IPodRuntime
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SimulatedPod> _pods = new(StringComparer.Ordinal);
    private readonly SimulatedRuntimeOptions _options;
    private readonly PodAddresses _addresses;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly List<ITimer> _outages = [];
    private readonly List<NodeOutage> _failing = [];
    private RuntimeNode _node;
    private (string? Trouble, bool Silent) _told;
    private (string? Trouble, bool Silent) _annotated;
    private bool _ended;

    /// <summary>Makes the runtime of one node.</summary>
    /// <param name="index">Which node of its cluster, 0 to 249; its addresses follow from it.</param>
    /// <param name="options">How it behaves.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Says once that pods are simulated.</param>
    public SimulatedRuntime(int index, SimulatedRuntimeOptions options, TimeProvider time, ILogger log)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(index, 249);
        _options = options;
        _time = time;
        _addresses = new PodAddresses($"10.244.{index}.");
        _node = new RuntimeNode(
            $"10.243.0.{index + 2}",
            $"10.244.{index}.0/24",
            options.Cpu,
            options.Memory,
            Math.Min(options.MaxPods, PodAddresses.Capacity),
            "simulated://0.1.0",
            "OTE simulated node",
            new Dictionary<string, string> { ["ote.baidu.com/runtime"] = "simulated" },
            new Dictionary<string, string> { [ScriptAnnotations.Prefix + "notice"] = "pods on this node are simulated, none is really run" },
            "simulated runtime is ready; pods are not really run",
            null);
        _timer = time.CreateTimer(_ => RunDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        foreach (var outage in options.Outages.Where(o => o.Node == index))
        {
            _outages.Add(time.CreateTimer(_ => Fail(outage, true), null, outage.After, Timeout.InfiniteTimeSpan));
            if (outage.For is { } lasts)
            {
                _outages.Add(time.CreateTimer(_ => Fail(outage, false), null, outage.After + lasts, Timeout.InfiniteTimeSpan));
            }
        }

        log.RuntimeIsSimulated(_node.Address);
    }

    /// <inheritdoc/>
    public event Action<PodId>? PodChanged;

    /// <inheritdoc/>
    public event Action? NodeChanged;

    /// <inheritdoc/>
    public RuntimeNode Node => Volatile.Read(ref _node);

    /// <summary>Puts the node into trouble, or out of it with null. While in trouble it starts no pods.</summary>
    public void SetTrouble(string? trouble) => Change(() => _told.Trouble = trouble);

    /// <summary>Cuts the node off, or lets it be heard again: meanwhile its lease is not renewed and nobody hears what its pods do.</summary>
    public void SetSilent(bool silent) => Change(() => _told.Silent = silent);

    /// <inheritdoc/>
    public void SeeNode(JsonObject node) => Change(() =>
        _annotated = (node.Annotation(ScriptAnnotations.Trouble) is { Length: > 0 } trouble ? trouble : null, node.Annotation(ScriptAnnotations.Silent) == "true"));

    /// <inheritdoc/>
    public bool StopPod(PodId pod, DateTimeOffset asked, DateTimeOffset deadline)
    {
        lock (_gate)
        {
            if (!_pods.TryGetValue(pod.Uid, out var known))
            {
                return true;
            }

            known.Stop(asked, deadline);
            known.Advance(_time.GetUtcNow());
            ArmNeedsLock();
            return known.IsStopped;
        }
    }

    /// <inheritdoc/>
    public ValueTask CreatePodAsync(JsonObject pod, CancellationToken cancellation)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            if (_pods.ContainsKey(pod.Uid()))
            {
                return ValueTask.CompletedTask;
            }

            if (_node.Trouble is { } trouble)
            {
                throw new PodRuntimeException(trouble);
            }

            _ = pod.Items("spec", "containers")?.OfType<JsonObject>().Select(c => Script(pod, c.Text("name") ?? "")).ToArray();
            var recorded = pod.Text("status", "podIP");
            var address = _addresses.TryTake(recorded) ? recorded! : _addresses.Take();
            var created = new SimulatedPod(pod, Script, address, _node.Address, _time.GetUtcNow());
            created.Advance(_time.GetUtcNow());
            _pods.Add(pod.Uid(), created);
            ArmNeedsLock();
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask UpdatePodAsync(JsonObject pod, CancellationToken cancellation)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            if (_pods.TryGetValue(pod.Uid(), out var known))
            {
                known.Update(pod, Script, _time.GetUtcNow());
                known.Advance(_time.GetUtcNow());
                ArmNeedsLock();
                return ValueTask.CompletedTask;
            }
        }

        return CreatePodAsync(pod, cancellation);
    }

    /// <inheritdoc/>
    public ValueTask DeletePodAsync(PodId pod, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_pods.Remove(pod.Uid, out var gone))
            {
                _addresses.Free(gone.Address);
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public JsonObject? GetPod(PodId pod)
    {
        lock (_gate)
        {
            if (!_pods.TryGetValue(pod.Uid, out var known))
            {
                return null;
            }

            var copy = known.Object.Copy();
            copy["status"] = known.Status();
            return copy;
        }
    }

    /// <inheritdoc/>
    public JsonObject? GetPodStatus(PodId pod)
    {
        lock (_gate)
        {
            return _pods.TryGetValue(pod.Uid, out var known) ? known.Status() : null;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<PodId> GetPods()
    {
        lock (_gate)
        {
            return [.. _pods.Values.Select(p => PodId.Of(p.Object))];
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _ended = true;
            _pods.Clear();
            _outages.ForEach(timer => timer.Dispose());
        }

        return _timer.DisposeAsync();
    }

    private ContainerScript Script(JsonObject pod, string container) =>
        ScriptAnnotations.Read(pod, container)
            .Over(_options.Script?.Invoke(pod, container))
            .Over(new ContainerScript { StartDelay = _options.StartDelay, ExitAfter = Ends(pod) ? _options.JobRun : null });

    // Such a pod is there to end, a Job's or one of its own: who made it waits for that.
    private static bool Ends(JsonObject pod) => pod.Text("spec", "restartPolicy") is "Never" or "OnFailure";

    private void Fail(NodeOutage outage, bool begins) => Change(() =>
    {
        if (begins)
        {
            _failing.Add(outage);
        }
        else
        {
            _failing.Remove(outage);
        }
    });

    /// <summary>Puts together what tests, annotations and the script of failures say of the node.</summary>
    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            var trouble = _told.Trouble ?? _annotated.Trouble ?? _failing.FirstOrDefault(o => o.Trouble is not null)?.Trouble;
            var silent = _told.Silent || _annotated.Silent || _failing.Exists(o => o.Trouble is null);
            if (_node.Trouble == trouble && _node.IsSilent == silent)
            {
                return;
            }

            Volatile.Write(ref _node, _node with { Trouble = trouble, IsSilent = silent });
        }

        NodeChanged?.Invoke();
    }

    private void RunDue()
    {
        List<PodId>? changed = null;
        lock (_gate)
        {
            if (_ended)
            {
                return;
            }

            var now = _time.GetUtcNow();
            foreach (var pod in _pods.Values)
            {
                if (pod.Advance(now))
                {
                    (changed ??= []).Add(PodId.Of(pod.Object));
                }
            }

            ArmNeedsLock();
        }

        foreach (var pod in changed ?? [])
        {
            PodChanged?.Invoke(pod);
        }
    }

    private void ArmNeedsLock()
    {
        var due = _pods.Values.Min(p => p.Due);
        if (due is null)
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }

        var wait = due.Value - _time.GetUtcNow();
        _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }
}
