using System.Globalization;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>Hands out the addresses of a node's /24. Not thread-safe: its runtime holds the lock.</summary>
/// <param name="prefix">The first three numbers with their dots, such as <c>10.244.0.</c></param>
internal sealed class PodAddresses(string prefix)
{
    /// <summary>.0 and .255 are no hosts, .1 is the node's own; the few above stay free.</summary>
    public const int Capacity = 250;

    private readonly SortedSet<int> _taken = [];

    /// <summary>The lowest free address.</summary>
    /// <exception cref="PodRuntimeException">All are taken.</exception>
    public string Take()
    {
        var free = 2;
        foreach (var taken in _taken)
        {
            if (taken != free)
            {
                break;
            }

            free++;
        }

        if (free >= 2 + Capacity)
        {
            throw new PodRuntimeException($"all {Capacity} pod addresses of this node are taken; delete pods or add a node");
        }

        _taken.Add(free);
        return prefix + free.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Takes the address a pod had before, if it is of this node and free.</summary>
    public bool TryTake(string? address) => Host(address) is { } host && _taken.Add(host);

    /// <summary>Gives an address back.</summary>
    public void Free(string address)
    {
        if (Host(address) is { } host)
        {
            _taken.Remove(host);
        }
    }

    private int? Host(string? address) =>
        address is not null && address.StartsWith(prefix, StringComparison.Ordinal)
        && int.TryParse(address.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var host) && host is >= 2 and < 2 + Capacity
            ? host
            : null;
}
