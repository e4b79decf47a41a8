using System.Collections.Concurrent;
using System.Threading.Channels;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>A handler that writes down what it sees and lets tests wait for it.</summary>
internal sealed class Recorder : ILinkHandler
{
    private readonly Channel<(ILink Link, Message Message)> messages = Channel.CreateUnbounded<(ILink, Message)>();
    private readonly Channel<(ILink Link, Hello? Hello, Welcome? Welcome)> attached = Channel.CreateUnbounded<(ILink, Hello?, Welcome?)>();
    private readonly Channel<(ILink Link, string Reason)> detached = Channel.CreateUnbounded<(ILink, string)>();
    private readonly Channel<ulong> beats = Channel.CreateUnbounded<ulong>();

    /// <summary>Everything in order: "+name@epoch", "-name@epoch", "m:text".</summary>
    public ConcurrentQueue<string> Events { get; } = new();

    /// <summary>Replaces the handling of messages.</summary>
    public Func<Message, ValueTask>? OnMessage { get; set; }

    public ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct)
    {
        Events.Enqueue("m:" + TestMessages.TextOf(message));
        messages.Writer.TryWrite((link, message));
        return OnMessage?.Invoke(message) ?? ValueTask.CompletedTask;
    }

    public void Attached(ILink link, Welcome welcome, Hello? hello)
    {
        Events.Enqueue("+" + link);
        attached.Writer.TryWrite((link, hello, welcome));
    }

    public void Detached(ILink link, string reason)
    {
        Events.Enqueue("-" + link);
        detached.Writer.TryWrite((link, reason));
    }

    public void Beat(ILink link, ulong digest) => beats.Writer.TryWrite(digest);

    public Task<(ILink Link, Message Message)> NextMessage() => messages.Reader.ReadAsync().AsTask().Soon();

    public Task<(ILink Link, Hello? Hello, Welcome? Welcome)> NextAttached() => attached.Reader.ReadAsync().AsTask().Soon();

    public Task<(ILink Link, string Reason)> NextDetached() => detached.Reader.ReadAsync().AsTask().Soon();

    public Task<ulong> NextBeat() => beats.Reader.ReadAsync().AsTask().Soon();
}

internal static class TestTimeouts
{
    // Only reached by a test that fails.
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    public static Task Soon(this Task task) => task.WaitAsync(Long);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Long);
}

internal static class TestMessages
{
    public static Message Text(string text, Lane lane = Lane.Commands) => new() { Lane = lane, RouteRequest = new RouteSnapshotRequest { Reason = text } };

    public static string TextOf(Message message) => message.RouteRequest?.Reason ?? message.PayloadCase.ToString();
}

internal sealed class AdmitAll(params string[] path) : IAdmission
{
    public Func<Hello, PeerIdentity, Admission?>? Rule { get; set; }

    public Admission Decide(Hello hello, PeerIdentity peer, System.Security.Cryptography.X509Certificates.X509Certificate2? certificate) =>
        Rule?.Invoke(hello, peer) ?? Admission.Accept(path, Position);

    public TreePosition Position { get; set; } = new(1, 0);
}
