namespace Ote.Testing.Kubernetes;

/// <summary>
/// A number from 0 to 255 that no other node of this machine has, in this process or another: its cable is 10.201.number.0/30, its pods
/// are 10.202.number.0/24. Held by a locked file, which the kernel unlocks when this process dies.
/// </summary>
public sealed class NodeAddress : IDisposable
{
    private readonly FileStream _held;

    private NodeAddress(int index, FileStream held)
    {
        Index = index;
        _held = held;
    }

    /// <summary>The number.</summary>
    public int Index { get; }

    /// <summary>The node's own address.</summary>
    public string Inside => $"10.201.{Index}.2";

    /// <summary>Takes one that is free.</summary>
    /// <exception cref="InvalidOperationException">All 256 are in use.</exception>
    public static NodeAddress Take()
    {
        // Not the temporary folder: that may be another one for each test run.
        string folder = Directory.CreateDirectory("/run/lock/ote-nodes").FullName;
        for (int index = 0; index < 256; index++)
        {
            try
            {
                FileStream file = new(Path.Combine(folder, $"{index}"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                if (!Directory.Exists($"/sys/class/net/ote{index}"))
                    return new NodeAddress(index, file);
                file.Dispose();
            }
            catch (IOException)
            {
                // Another node's.
            }
        }
        throw new InvalidOperationException("all 256 node numbers of this machine are in use; end test runs that are still going (see `ip link` for ote0, ote1, ...)");
    }

    /// <inheritdoc/>
    public void Dispose() => _held.Dispose();
}
