using System.Threading.Channels;

namespace Ote.Testing.Links;

/// <summary>What a wire does to each packet.</summary>
/// <param name="Delay">How long it is under way, in each direction.</param>
/// <param name="Forth">The share of packets from near to far that vanish, each by itself; 1: all.</param>
/// <param name="Back">The same of those from far to near.</param>
public sealed record WireFaults(TimeSpan Delay, double Forth, double Back)
{
    /// <summary>Nothing is late or lost.</summary>
    public static WireFaults None { get; } = new(TimeSpan.Zero, 0, 0);
}

/// <summary>
/// A wire between two network interfaces of this machine, usually in two network namespaces, on which real IP packets of the kernel's
/// real TCP are late and get lost. Their order is kept. Both interfaces are its own.
/// </summary>
public sealed class LossyWire : IDisposable
{
    private const int MostQueued = 20_000; // further ones are lost, as at any router
    private const int PacketBytes = 64 * 1024;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private readonly CancellationTokenSource stop = new();
    private readonly TimeProvider time;
    private readonly Func<double> random;
    private readonly List<Thread> readers = [];
    private readonly Task[] writers;
    private long lost;
    private long carried;

    /// <summary>Makes both interfaces; packets pass as soon as these have addresses and are up.</summary>
    /// <param name="near">The name of one.</param>
    /// <param name="far">The name of the other.</param>
    /// <param name="faults">What happens on the way; may be replaced at any time.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1). Called from two threads.</param>
    public LossyWire(string near, string far, WireFaults faults, TimeProvider time, Func<double> random)
    {
        (Faults, this.time, this.random) = (faults, time, random);
        Near = TunDevice.Open(near);
        try
        {
            Far = TunDevice.Open(far);
        }
        catch
        {
            Near.Dispose();
            throw;
        }

        writers = [Carry(Near, Far, () => Faults.Forth), Carry(Far, Near, () => Faults.Back)];
    }

    /// <summary>What happens on the way.</summary>
    public WireFaults Faults { get; set; }

    /// <summary>One end.</summary>
    public TunDevice Near { get; }

    /// <summary>The other end.</summary>
    public TunDevice Far { get; }

    /// <summary>Packets that vanished, and all that were put on the wire.</summary>
    public (long Lost, long All) Packets => (Interlocked.Read(ref lost), Interlocked.Read(ref carried));

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Cancel();
        readers.ForEach(r => r.Join());
        Task.WaitAll(writers);
        Near.Dispose();
        Far.Dispose();
        stop.Dispose();
    }

    private Task Carry(TunDevice from, TunDevice to, Func<double> loss)
    {
        var packets = Channel.CreateBounded<(long Due, byte[] Packet)>(new BoundedChannelOptions(MostQueued) { SingleReader = true, SingleWriter = true });
        Thread reader = new(() => Read(from, packets.Writer, loss)) { IsBackground = true, Name = from.Name };
        readers.Add(reader);
        reader.Start();
        return Task.Run(() => WriteAsync(packets.Reader, to));
    }

    private void Read(TunDevice from, ChannelWriter<(long Due, byte[] Packet)> packets, Func<double> loss)
    {
        byte[] buffer = new byte[PacketBytes];
        try
        {
            while (!stop.IsCancellationRequested)
            {
                int count = from.Read(buffer, Look);
                if (count == 0) continue;
                Interlocked.Increment(ref carried);
                long due = time.GetTimestamp() + (long)(Faults.Delay.TotalSeconds * time.TimestampFrequency);
                if (random() < loss() || !packets.TryWrite((due, buffer[..count]))) Interlocked.Increment(ref lost);
            }
        }
        catch (IOException)
        {
            // The interface was removed with its namespace: the cable is out.
        }

        packets.Complete();
    }

    private async Task WriteAsync(ChannelReader<(long Due, byte[] Packet)> packets, TunDevice to)
    {
        try
        {
            await foreach ((long due, byte[] packet) in packets.ReadAllAsync(stop.Token).ConfigureAwait(false))
            {
                TimeSpan left = time.GetElapsedTime(time.GetTimestamp(), due);
                if (left > TimeSpan.Zero) await Task.Delay(left, time, stop.Token).ConfigureAwait(false);
                to.Write(packet);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped: what is on the way is lost.
        }
    }
}
