using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Watching;

namespace Ote.Cluster.Messages;

/// <summary>
/// The <c>ClusterMessage</c> objects of a control API: each is sent once in this cluster's name, by an id made of the object's uid, so that
/// neither a restart nor another replica sends a second; its status tells what became of it.
/// </summary>
internal sealed class MessageObjects : IDisposable
{
    private const int Parallel = 4;
    private const long DefaultRetention = 24 * 60 * 60;
    private readonly ClusterMessages _messages;
    private readonly KubeClient _api;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Informer _informer;
    private readonly WorkQueue<string> _queue;
    private readonly ConcurrentDictionary<string, string> _keys = new(StringComparer.Ordinal);

    public MessageObjects(ClusterMessages messages, KubeClient api, TimeProvider time, Func<double> random, ILogger log)
    {
        (_messages, _api, _time, _log) = (messages, api, time, log);
        _queue = new WorkQueue<string>(time, random);
        _informer = new Informer(api, Kinds.ClusterMessages, null, null, time, random, log);
        _informer.Changed += (before, after) =>
        {
            if (after is not null)
            {
                _queue.Add(after.Key());
            }
            else if (Guid.TryParse(before!.Uid(), out var uid))
            {
                _keys.TryRemove(Id(uid), out _);
            }
        };
        messages.Changed += Learned;
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var watching = _informer.RunAsync(stop);
        await new Reconciler("messages", _queue, ReconcileAsync, Parallel, _log).RunAsync(stop).ConfigureAwait(false);
        await watching.ConfigureAwait(false);
    }

    public void Dispose()
    {
        _messages.Changed -= Learned;
        _queue.Dispose();
    }

    private void Learned(SentMessage message)
    {
        if (_keys.TryGetValue(message.Id, out var key))
        {
            _queue.Add(key);
        }
    }

    private async Task<Next> ReconcileAsync(string key, CancellationToken stop)
    {
        if (_informer.Get(key) is not { } seen || seen.IsDeleting())
        {
            return Next.Done;
        }

        var now = _time.GetUtcNow();
        if (seen.Time("status", "completionTime") is { } ended)
        {
            var left = ended + TimeSpan.FromSeconds(Math.Min(seen.Whole("spec", "ttlSecondsAfterFinished") ?? DefaultRetention, TimeSpan.FromDays(3650).TotalSeconds)) - now;
            if (left > TimeSpan.Zero)
            {
                return Next.After(left < TimeSpan.FromDays(1) ? left : TimeSpan.FromDays(1));
            }

            await _api.DeleteAsync(Kinds.ClusterMessages, seen.Namespace(), seen.Name(), stop, seen.Uid()).ConfigureAwait(false);
            return Next.Done;
        }

        var status = Status(await SendAsync(seen, key, now).ConfigureAwait(false), now);
        if (!JsonNode.DeepEquals(seen.At("status"), status))
        {
            var next = seen.Copy();
            next["status"] = status;
            await _api.ReplaceStatusAsync(Kinds.ClusterMessages, next, stop).ConfigureAwait(false);
        }

        return Next.Done;
    }

    /// <summary>Sends it, or finds out what became of it.</summary>
    private async Task<SentMessage> SendAsync(JsonObject seen, string key, DateTimeOffset now)
    {
        var (to, topic) = (seen.Text("spec", "to") ?? "", seen.Text("spec", "topic") ?? "");
        var life = TimeSpan.FromSeconds(seen.Whole("spec", "ttlSeconds") ?? (long)MessageLimits.DefaultLife.TotalSeconds);
        var deadline = (seen.Time("metadata", "creationTimestamp") ?? now) + life;
        SentMessage Over(SentState state, string text) => new("", to, topic, state, text, 0, deadline, now);
        if (!Guid.TryParse(seen.Uid(), out var uid))
        {
            return Over(SentState.Refused, $"the object's uid '{seen.Uid()}' is none");
        }

        var name = Id(uid);
        _keys[name] = key;
        if (_messages.Find(name) is { } known)
        {
            return known;
        }

        if (deadline <= now)
        {
            return Over(SentState.Expired, "its time was over before it could be sent");
        }

        if (seen.Text("spec", "data") is not null && seen.Text("spec", "binaryData") is not null)
        {
            return Over(SentState.Refused, "spec: give data or binaryData, not both");
        }

        try
        {
            var body = seen.Text("spec", "binaryData") is { } binary ? Convert.FromBase64String(binary) : Encoding.UTF8.GetBytes(seen.Text("spec", "data") ?? "");
            return await _messages.SendAsync(to, topic, seen.Text("spec", "contentType") ?? "", body, deadline - now, uid.ToByteArray(bigEndian: true)).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is MessageException or FormatException)
        {
            return Over(SentState.Refused, refused is FormatException ? "spec.binaryData: no base64" : refused.Message);
        }
    }

    private static string Id(Guid uid) => Convert.ToHexStringLower(uid.ToByteArray(bigEndian: true));

    private static JsonObject Status(SentMessage message, DateTimeOffset now)
    {
        var status = new JsonObject { ["state"] = message.State.ToString(), ["message"] = message.Text, ["hops"] = message.Hops };
        if (message.Id.Length > 0)
        {
            status["id"] = message.Id;
        }

        if (message.Ended is not null)
        {
            status["completionTime"] = (message.Ended ?? now).ToKubeTime();
        }

        return status;
    }
}
