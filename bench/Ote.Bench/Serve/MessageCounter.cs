using System.Diagnostics.Metrics;

namespace Ote.Bench.Serve;

/// <summary>Counts the messages on the command lane of every tunnel in this process, by the tunnel's own meter.</summary>
internal sealed class MessageCounter : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _in;
    private long _out;

    public MessageCounter()
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument is { Name: "ote.tunnel.messages", Meter.Name: "Ote.Cluster.Tunnel" })
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            var (direction, lane) = ("", "");
            foreach (var tag in tags)
            {
                (direction, lane) = tag.Key == "direction" ? ((string)tag.Value!, lane) : (direction, (string)tag.Value!);
            }

            if (lane == "commands")
            {
                Interlocked.Add(ref direction == "in" ? ref _in : ref _out, count);
            }
        });
        _listener.Start();
    }

    public long In => Interlocked.Read(ref _in);

    public long Out => Interlocked.Read(ref _out);

    public void Dispose() => _listener.Dispose();
}
