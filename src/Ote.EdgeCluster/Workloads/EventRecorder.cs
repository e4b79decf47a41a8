using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>
/// Writes core/v1 Events for what users look for. Recording never waits: events go through a bounded queue, and when it is
/// full the oldest is dropped, counted and logged. Thread-safe.
/// </summary>
internal sealed class EventRecorder
{
    private const int MaxWaiting = 512;
    private const int MaxMessage = 1024;
    private const string Instance = "ote-edge-cluster";

    private readonly Channel<JsonObject> _waiting;
    private readonly EventBook _book;
    private readonly KubeClient _client;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private long _dropped;

    public EventRecorder(KubeClient client, int kept, TimeProvider time, ILogger log)
    {
        (_client, _time, _log) = (client, time, log);
        _book = new EventBook(kept);
        _waiting = Channel.CreateBounded<JsonObject>(
            new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _dropped));
    }

    public void Normal(JsonObject about, string reason, string message, string component) => Record(about, "Normal", reason, message, component);

    public void Warning(JsonObject about, string reason, string message, string component) => Record(about, "Warning", reason, message, component);

    /// <summary>Writes what is recorded until stopped, after taking up what was kept before.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        await RememberAsync(stop).ConfigureAwait(false);
        await foreach (var one in _waiting.Reader.ReadAllAsync(stop).ConfigureAwait(false))
        {
            if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var lost)
            {
                _log.EventsDropped(lost);
            }

            try
            {
                await WriteAsync(one, stop).ConfigureAwait(false);
            }
            catch (Exception refused) when (refused is KubeStatusException or HttpRequestException)
            {
                // For instance its namespace is going. An event is for people; what it tells stands in status too.
                _log.EventNotWritten(one.Name(), refused.Message);
            }
        }
    }

    /// <summary>One event about an object; the same tale about the same object has the same name.</summary>
    internal static JsonObject Make(JsonObject about, string type, string reason, string message, string component, DateTimeOffset now)
    {
        message = message.Length <= MaxMessage ? message : message[..MaxMessage];
        var ns = about.Namespace() is { Length: > 0 } own ? own : "default";
        var tale = $"{about.Uid()}\n{type}\n{reason}\n{message}\n{component}";
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(tale)).AsSpan(0, 8));
        var name = about.Name();
        var involved = new JsonObject { ["apiVersion"] = about.Text("apiVersion"), ["kind"] = about.Text("kind"), ["name"] = name, ["uid"] = about.Uid() };
        if (about.Namespace().Length > 0)
        {
            involved["namespace"] = ns;
        }

        return new JsonObject
        {
            ["apiVersion"] = Kinds.Events.ApiVersion,
            ["kind"] = Kinds.Events.Kind,
            ["metadata"] = new JsonObject { ["name"] = $"{(name.Length <= 230 ? name : name[..230])}.{hash}", ["namespace"] = ns },
            ["involvedObject"] = involved,
            ["type"] = type,
            ["reason"] = reason,
            ["message"] = message,
            ["source"] = new JsonObject { ["component"] = component },
            ["reportingComponent"] = component,
            ["reportingInstance"] = Instance,
            ["firstTimestamp"] = now.ToKubeTime(),
            ["lastTimestamp"] = now.ToKubeTime(),
            ["count"] = 1,
        };
    }

    private void Record(JsonObject about, string type, string reason, string message, string component) =>
        _waiting.Writer.TryWrite(Make(about, type, reason, message, component, _time.GetUtcNow()));

    private async Task RememberAsync(CancellationToken stop)
    {
        var stored = await _client.ListAsync(Kinds.Events, null, null, stop).ConfigureAwait(false);
        foreach (var one in stored.Items.Where(e => e.Text("reportingInstance") == Instance).OrderBy(e => e.Text("lastTimestamp"), StringComparer.Ordinal))
        {
            await DropAsync(_book.Note(one.Key(), one.Whole("count") ?? 1).Dropped, stop).ConfigureAwait(false);
        }
    }

    private async Task WriteAsync(JsonObject one, CancellationToken stop)
    {
        var (count, dropped) = _book.Note(one.Key());
        await DropAsync(dropped, stop).ConfigureAwait(false);
        if (count > 1)
        {
            var again = new JsonObject { ["count"] = count, ["lastTimestamp"] = one["lastTimestamp"]!.DeepClone() };
            try
            {
                await _client.PatchAsync(Kinds.Events, one.Namespace(), one.Name(), PatchKind.Merge, again, stop).ConfigureAwait(false);
                return;
            }
            catch (KubeStatusException gone) when (gone.IsNotFound)
            {
                _book.Forget(one.Key());
                _book.Note(one.Key());
            }
        }

        await _client.CreateAsync(Kinds.Events, one.Namespace(), one, stop).ConfigureAwait(false);
    }

    private async Task DropAsync(string? key, CancellationToken stop)
    {
        if (key is not null)
        {
            var (ns, name) = WorkKey.Parts(key);
            await _client.DeleteAsync(Kinds.Events, ns, name, stop).ConfigureAwait(false);
        }
    }
}
