using System.Threading.Channels;

namespace Ote.Testing.Links;

/// <summary>Packets one way, with faults.</summary>
internal sealed class MemoryDirection(LinkFaults faults, TimeProvider time, Func<double> random)
{
    private readonly Channel<byte[]> arrived = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Lock gate = new();
    private byte[]? heldBack;
    private string reason = "closed";

    public void Send(ReadOnlySpan<byte> packet)
    {
        if (arrived.Reader.Completion.IsCompleted) throw new IOException("the link is cut");
        if (faults.Silent || random() < faults.Drop) return;
        byte[] copy = packet.ToArray();
        int times = random() < faults.Duplicate ? 2 : 1;
        for (int i = 0; i < times; i++)
        {
            if (faults.Delay == TimeSpan.Zero) Arrive(copy);
            else _ = DelayAsync(copy);
        }
    }

    public async ValueTask<byte[]?> ReceiveAsync(CancellationToken ct)
    {
        try
        {
            return await arrived.Reader.ReadAsync(ct).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    public string Reason => reason;

    public void Close(string why)
    {
        if (arrived.Writer.TryComplete()) reason = why;
    }

    public void Cut(string why)
    {
        Close(why);
        while (arrived.Reader.TryRead(out _))
        {
            // What was under way is lost.
        }
    }

    private async Task DelayAsync(byte[] packet)
    {
        await Task.Delay(faults.Delay, time).ConfigureAwait(false);
        Arrive(packet);
    }

    private void Arrive(byte[] packet)
    {
        lock (gate)
        {
            if (heldBack is null && random() < faults.Reorder)
            {
                heldBack = packet;
                return;
            }

            arrived.Writer.TryWrite(packet);
            if (heldBack is null) return;
            arrived.Writer.TryWrite(heldBack);
            heldBack = null;
        }
    }
}
