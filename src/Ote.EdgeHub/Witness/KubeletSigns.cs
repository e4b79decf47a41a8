namespace Ote.EdgeHub.Witness;

/// <summary>Whether the node's own kubelet lives: it asks the hub for something every ten seconds at least, to renew its lease. Thread-safe.</summary>
internal sealed class KubeletSigns(TimeProvider time)
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(40);
    private long _heard = long.MinValue;

    /// <summary>It has asked for something.</summary>
    public void Heard() => Interlocked.Exchange(ref _heard, time.GetTimestamp());

    /// <summary>Whether it has done so lately.</summary>
    public bool Lives => Interlocked.Read(ref _heard) is var heard && heard != long.MinValue && time.GetElapsedTime(heard) <= Silence;
}
