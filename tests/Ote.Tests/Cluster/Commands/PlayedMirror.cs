using System.Collections.Concurrent;
using Ote.Kube.Mirrors;

namespace Ote.Tests.Cluster.Commands;

/// <summary>A mirror that has what the test puts into it.</summary>
internal sealed class PlayedMirror : IObjectMirror
{
    private readonly ConcurrentDictionary<MirroredKey, MirroredState> _states = new();
    private volatile bool _fails;
    private int _looks;

    public event Action<IReadOnlyList<MirroredKey>>? Changed;

    /// <summary>How often something was looked at.</summary>
    public int Looks => Volatile.Read(ref _looks);

    /// <summary>Whether somebody listens.</summary>
    public bool IsHeard => Changed is not null;

    /// <summary>Whether clusters report that kind at all.</summary>
    public bool HasKind { get; init; } = true;

    /// <summary>Whether looking fails.</summary>
    public bool Fails
    {
        get => _fails;
        set => _fails = value;
    }

    /// <summary>A cluster reports a configmap in <c>default</c>; without a uid: that there is none of that name.</summary>
    public void Report(string cluster, string name, string? uid, string? version = null, bool gone = false)
    {
        var key = new MirroredKey(cluster, "configmaps", "default", name);
        _states[key] = new MirroredState(HasKind, uid, version, gone);
        Changed?.Invoke([key]);
    }

    public ValueTask<MirroredState> LookAsync(MirroredKey key, string uid, CancellationToken ct)
    {
        Interlocked.Increment(ref _looks);
        return _fails ? throw new IOException("played") : ValueTask.FromResult(_states.GetValueOrDefault(key, new MirroredState(HasKind, null, null, false)));
    }

    public ValueTask<MirroredCopies> ListAsync(string cluster, string kind, int most, CancellationToken ct) => throw new NotSupportedException("commands look at one object at a time");
}
