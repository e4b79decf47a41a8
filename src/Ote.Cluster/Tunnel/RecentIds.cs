namespace Ote.Cluster.Tunnel;

/// <summary>The last ids that were completed on a lane, bounded; grows as it fills, so an idle lane costs nothing. Pure.</summary>
internal sealed class RecentIds(int capacity)
{
    private ulong[] ids = [];
    private int count;
    private int next;

    public bool Contains(ulong id) => ids.AsSpan(0, count).Contains(id);

    public void Add(ulong id)
    {
        if (count < capacity)
        {
            if (count == ids.Length) Array.Resize(ref ids, Math.Min(capacity, Math.Max(4, ids.Length * 2)));
            ids[count++] = id;
            return;
        }

        ids[next] = id;
        next = (next + 1) % capacity;
    }
}
