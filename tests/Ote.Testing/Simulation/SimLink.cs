using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Testing.Links;

namespace Ote.Testing.Simulation;

/// <summary>One connection between two simulated machines: two directions of packets, in order unless a fault says otherwise.</summary>
internal sealed class SimLink
{
    public SimLink(SimNetwork network, int child, int parent)
    {
        Up = new SimDirection(network, child, parent);
        Down = new SimDirection(network, parent, child);
        ChildEnd = new End(Up, Down);
        ParentEnd = new End(Down, Up);
    }

    public SimDirection Up { get; }

    public SimDirection Down { get; }

    public End ChildEnd { get; }

    public End ParentEnd { get; }

    /// <summary>One process has gone without a word (<paramref name="silently"/>), or its machine says so for it.</summary>
    public static void LostEnd(End end, bool silently)
    {
        end.Inward.Close("the process ended");
        if (!silently)
        {
            end.Outward.Last("the other process ended");
        }
    }

    internal sealed class End(SimDirection outward, SimDirection inward) : IPacketChannel
    {
        private bool _isAborted;

        public SimDirection Outward => outward;

        public SimDirection Inward => inward;

        public ValueTask SendAsync(ReadOnlyMemory<byte> packet, CancellationToken ct)
        {
            if (_isAborted || inward.IsClosed)
            {
                throw new IOException("the link is gone");
            }

            return outward.SendAsync(packet.ToArray(), ct);
        }

        public async ValueTask<Packet> ReceiveAsync(int maxBytes, CancellationToken ct)
        {
            var packet = await inward.ReceiveAsync(ct).ConfigureAwait(false);
            if (packet is null)
            {
                return Packet.Closed(inward.Reason);
            }

            return packet.Length <= maxBytes ? Packet.Of(packet) : throw new ProtocolViolation(ViolationReason.PacketTooLarge, $"a packet above {maxBytes} bytes");
        }

        public ValueTask CloseAsync(string reason, CancellationToken ct)
        {
            outward.Last(reason);
            return ValueTask.CompletedTask;
        }

        public void Abort()
        {
            if (_isAborted)
            {
                return;
            }

            _isAborted = true;
            inward.Close("aborted");
            outward.Reset("aborted by the other end");
        }

        public ValueTask DisposeAsync()
        {
            Abort();
            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>Packets one way.</summary>
internal sealed class SimDirection(SimNetwork network, int from, int to)
{
    // What a kernel takes before a sender has to wait.
    private const int BufferBytes = 256 * 1024;
    private readonly Queue<byte[]> _arrived = new();
    private readonly Queue<Action> _stalled = new();
    private TaskCompletionSource<byte[]?>? _reader;
    private TaskCompletionSource? _room;
    private long _onTheWay;
    private long _lastDue;
    private byte[]? _heldBack;

    public string Reason { get; private set; } = "closed";

    public bool IsClosed { get; private set; }

    /// <summary>Set while something on the way treats packets badly; null: it does not.</summary>
    public LinkFaults? Faults { get; set; }

    public async ValueTask SendAsync(byte[] packet, CancellationToken ct)
    {
        if (Faults is { } faults)
        {
            if (network.Random() < faults.Drop)
            {
                return;
            }

            if (network.Random() < faults.Duplicate)
            {
                Travel(packet.Length, () => Arrive(packet));
            }

            if (_heldBack is null && network.Random() < faults.Reorder)
            {
                _heldBack = packet;
                return;
            }
        }

        Travel(packet.Length, () => Arrive(packet));
        if (_heldBack is { } late)
        {
            _heldBack = null;
            Travel(late.Length, () => Arrive(late));
        }

        while (_onTheWay > BufferBytes && !IsClosed)
        {
            _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await _room.Task.WaitAsync(ct).ConfigureAwait(false);
        }
    }

    public Task<byte[]?> ReceiveAsync(CancellationToken ct)
    {
        if (_arrived.TryDequeue(out var packet))
        {
            return Task.FromResult<byte[]?>(packet);
        }

        if (IsClosed)
        {
            return Task.FromResult<byte[]?>(null);
        }

        _reader = new TaskCompletionSource<byte[]?>(TaskCreationOptions.RunContinuationsAsynchronously);
        return ct.CanBeCanceled ? _reader.Task.WaitAsync(ct) : _reader.Task;
    }

    /// <summary>Nothing comes after what was sent.</summary>
    public void Last(string reason) => Travel(0, () => Close(reason));

    /// <summary>Told to the other end before anything that is still on its way.</summary>
    public void Reset(string reason)
    {
        Free();
        if (network.Passes(from, to))
        {
            network.Plan(network.Latency(from, to), to, () => Close(reason));
        }
    }

    /// <summary>Nothing arrives any more.</summary>
    public void Close(string reason)
    {
        if (IsClosed)
        {
            return;
        }

        (IsClosed, Reason) = (true, reason);
        _arrived.Clear();
        _stalled.Clear();
        Free();
        _reader?.TrySetResult(null);
    }

    /// <summary>The way is open again: what was held up goes on, as retransmissions do, and before what was sent later.</summary>
    public void Resume()
    {
        if (_stalled.Count > 0 && !IsClosed)
        {
            network.Plan(network.Latency(from, to) * 2, to, Drain);
        }
    }

    private void Drain()
    {
        while (!IsClosed && network.Passes(from, to) && _stalled.TryDequeue(out var held))
        {
            held();
        }

        if (_stalled.Count > 0)
        {
            network.Stalled(this);
        }
    }

    private void Travel(int bytes, Action arrive)
    {
        _onTheWay += bytes;
        Schedule(bytes, () =>
        {
            _onTheWay -= bytes;
            arrive();
            if (_onTheWay <= BufferBytes)
            {
                Free();
            }
        });
    }

    // In order: nothing overtakes what was sent before it.
    private void Schedule(int bytes, Action arrive)
    {
        var due = Math.Max(_lastDue, network.Now + network.Latency(from, to).Ticks + network.Transfer(from, bytes).Ticks);
        _lastDue = due;
        network.Plan(TimeSpan.FromTicks(due - network.Now), to, () =>
        {
            if (IsClosed)
            {
                return;
            }

            if (_stalled.Count > 0 || !network.Passes(from, to))
            {
                _stalled.Enqueue(arrive);
                network.Stalled(this);
                return;
            }

            arrive();
        });
    }

    private void Arrive(byte[] packet)
    {
        network.Arrived(packet.Length);
        if (_reader is { } reader && reader.TrySetResult(packet))
        {
            return;
        }

        _arrived.Enqueue(packet);
    }

    private void Free()
    {
        var room = _room;
        _room = null;
        room?.TrySetResult();
    }
}
