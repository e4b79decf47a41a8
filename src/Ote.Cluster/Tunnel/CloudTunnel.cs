using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Ote.Cluster.Budgets;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// The parent's end: accepts children, one live link per uid. A newer epoch of a uid takes over at once, however alive the old link
/// looks; the handler sees the old one's Detached before the new one's Attached, and a late end of the old one changes nothing.
/// Thread-safe.
/// </summary>
public sealed class CloudTunnel : IAsyncDisposable
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(30);

    private readonly TunnelRuntime runtime;
    private readonly TunnelOptions options;
    private readonly TunnelOptions plain; // of links whose child does not read compressed messages
    private readonly string name;
    private readonly string version;
    private readonly IAdmission admission;
    private readonly ILinkHandler handler;
    private readonly ConcurrentDictionary<string, Child> children = new(StringComparer.Ordinal);
    // The token beside its source: a request that was let in just before the end may ask for it after that.
    private readonly (CancellationTokenSource Source, CancellationToken Token) stop = NewStop();
    private readonly ITimer sweeper;
    private int links;

    /// <summary>Makes a tunnel that accepts once mapped.</summary>
    /// <param name="runtime">Shared parts.</param>
    /// <param name="options">Figures for all links; told to the children.</param>
    /// <param name="name">This cluster's name.</param>
    /// <param name="version">Product version, told to children.</param>
    /// <param name="admission">Decides who may attach.</param>
    /// <param name="handler">Gets the links and their messages.</param>
    /// <exception cref="ArgumentException">The options make no sense.</exception>
    public CloudTunnel(TunnelRuntime runtime, TunnelOptions options, string name, string version, IAdmission admission, ILinkHandler handler)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        this.runtime = runtime;
        this.options = options;
        plain = options with { Compress = false };
        this.name = name;
        this.version = version;
        this.admission = admission;
        this.handler = handler;
        Handshakes = new HandshakeGate(options.MaxHandshakes, runtime.Time, runtime.Metrics.HandshakesWaiting);
        sweeper = runtime.Time.CreateTimer(static self => ((CloudTunnel)self!).Sweep(), this, SweepEvery, SweepEvery);
    }

    /// <summary>Answers those who want a lateral link; null: nobody gets one.</summary>
    internal ILateralDoor? Lateral { get; set; }

    /// <summary>Takes the byte streams that children dial; null: none are asked for.</summary>
    internal StreamDoor? Streams { get; set; }

    /// <summary>Whose TLS handshake may run.</summary>
    internal HandshakeGate Handshakes { get; }

    /// <summary>How many children are attached.</summary>
    public int LinkCount => Volatile.Read(ref links);

    /// <summary>The attached child of a uid, or null.</summary>
    public ILink? Find(string uid) => children.TryGetValue(uid, out Child? child) ? child.Conversation.Current : null;

    /// <summary>The links that are up, in no order; a snapshot.</summary>
    public IReadOnlyList<ILink> Links()
    {
        List<ILink> up = [];
        foreach (Child child in children.Values)
        {
            if (child.Conversation.Current is { } link) up.Add(link);
        }

        return up;
    }

    /// <summary>Encodes a message once for any number of links.</summary>
    public SharedMessage Share(Message message) => runtime.Share(message);

    /// <summary>Ends a child's link, as when its certificate was revoked. False when it has none.</summary>
    public bool Disconnect(string uid, string reason)
    {
        if (Find(uid) is not { } link) return false;
        link.Close(reason);
        return true;
    }

    /// <summary>
    /// A child has attached to another parent since: a link that it has here with no greater epoch is over, and only a newer epoch than that one's is let in
    /// again. Epochs beyond what a parent is believed about a uid change nothing.
    /// </summary>
    /// <param name="uid">The child's.</param>
    /// <param name="epoch">Of its attachment there.</param>
    public void Overtaken(string uid, ulong epoch)
    {
        if (epoch > Handshake.MaxToldEpoch || !children.TryGetValue(uid, out Child? child)) return;
        child.Raise(epoch);
        if (child.Conversation.Current is { } link && link.Epoch <= epoch)
        {
            link.Close($"{child.Peer.Name} has attached to another parent since, with epoch {epoch}; if this goes on, its data directory was copied and runs twice");
        }
    }

    /// <summary>Maps <c>/tunnel</c> on any host whose TLS asks for a client certificate (see <see cref="TunnelTls"/>).</summary>
    public void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.Map("/tunnel", (RequestDelegate)HandleAsync);
        endpoints.MapGet("/tunnel/probe", (RequestDelegate)ProbeAsync);
        endpoints.Map(StreamDoor.Path + "{id}", (RequestDelegate)StreamAsync);
    }

    /// <summary>How this cluster stands as a possible parent of another.</summary>
    public ProbeAnswer Probe(PeerIdentity peer) => admission.Probe(peer);

    /// <summary>Serves one request for <c>/tunnel</c>; returns when the link has ended.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        X509Certificate2? certificate = context.Connection.ClientCertificate;
        if (await IdentifyAsync(context, certificate).ConfigureAwait(false) is not { } peer) return;
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            return;
        }

        WebSocketAcceptContext accept = new() { KeepAliveInterval = Timeout.InfiniteTimeSpan, DangerousEnableCompression = false };
        WebSocketChannel channel = new(await context.WebSockets.AcceptWebSocketAsync(accept).ConfigureAwait(false));
        await ServeAsync(channel, peer, certificate).ConfigureAwait(false);
    }

    /// <summary>Serves a channel whose peer is authenticated: handshake, then the link until it ends. Owns the channel.</summary>
    public async Task ServeAsync(IPacketChannel channel, PeerIdentity peer, X509Certificate2? certificate)
    {
        ArgumentNullException.ThrowIfNull(channel);
        Link? link;
        try
        {
            link = await ShakeAsync(channel, peer, certificate).ConfigureAwait(false);
        }
        catch (ProtocolViolation violation)
        {
            runtime.Metrics.Violated(violation.Reason);
            runtime.Log.Violation(peer, violation.Message);
            await Channels.SayLastAsync(channel, Frame.KindOneofCase.Close, new Close { Reason = violation.Message }, runtime.Time).ConfigureAwait(false);
            link = null;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            link = null; // gone before it was a link: nothing was registered, nothing is to be undone
        }

        if (link is null) await channel.DisposeAsync().ConfigureAwait(false);
        else await link.RunAsync().ConfigureAwait(false);
    }

    private async Task StreamAsync(HttpContext context)
    {
        if (await IdentifyAsync(context, context.Connection.ClientCertificate).ConfigureAwait(false) is not { } peer) return;
        if (Streams is not { } door || context.Request.RouteValues["id"] is not string id || !door.IsAwaited(id, peer))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            return;
        }

        WebSocketAcceptContext accept = new() { KeepAliveInterval = Timeout.InfiniteTimeSpan, DangerousEnableCompression = false };
        System.Net.WebSockets.WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(accept).ConfigureAwait(false);
        await door.ServeAsync(id, peer, new WebSocketByteStream(socket, runtime.Time)).ConfigureAwait(false);
    }

    private async Task ProbeAsync(HttpContext context)
    {
        if (await IdentifyAsync(context, context.Connection.ClientCertificate).ConfigureAwait(false) is not { } peer) return;
        byte[] answer = admission.Probe(peer).ToByteArray();
        context.Response.ContentType = JoinService.ContentType;
        context.Response.ContentLength = answer.Length;
        await context.Response.Body.WriteAsync(answer, context.RequestAborted).ConfigureAwait(false);
    }

    // Who asks, by the certificate; null when that is nobody, which has been answered then.
    private async Task<PeerIdentity?> IdentifyAsync(HttpContext context, X509Certificate2? certificate)
    {
        string problem = "no client certificate; join the tree first";
        if (certificate is not null)
        {
            if (CertificateNames.TryReadIdentity(certificate, out PeerIdentity peer)) return peer;
            problem = "the certificate names no cluster";
        }

        runtime.Log.NoIdentity(context.Connection.RemoteIpAddress?.ToString() ?? "?", problem);
        context.Response.StatusCode = certificate is null ? StatusCodes.Status401Unauthorized : StatusCodes.Status403Forbidden;
        await context.Response.WriteAsync(problem + "\n", context.RequestAborted).ConfigureAwait(false);
        return null;
    }

    /// <summary>Closes all links, with a second for their goodbyes.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.Source.CancelAsync().ConfigureAwait(false);
        await sweeper.DisposeAsync().ConfigureAwait(false);
        Task[] ends = [.. children.Values.Select(child => child.Conversation.Current).OfType<Link>().Select(link => link.StopAsync())];
        await Task.WhenAll(ends).ConfigureAwait(false);
        foreach (Child child in children.Values) child.Conversation.Abandon(child.Peer, "the tunnel was stopped");
        stop.Source.Dispose();
    }

    private static (CancellationTokenSource Source, CancellationToken Token) NewStop()
    {
        CancellationTokenSource source = new();
        return (source, source.Token);
    }

    private async Task<Link?> ShakeAsync(IPacketChannel channel, PeerIdentity peer, X509Certificate2? certificate)
    {
        Frame first = await Channels.ReadSingleAsync(channel, options.HandshakeTimeout, runtime.Time, stop.Token).ConfigureAwait(false);
        if (first.Lateral is { } wanted && Lateral is { } lateral)
        {
            Handshake.Clean(wanted);
            if (certificate is not null && ProvisionalCertificate.IsOne(certificate))
            {
                // Its issuer may have named whom it liked; only a place below that one, which admission checks, keeps that harmless.
                Refuse no = new() { Reason = Refuse.Types.Reason.NotAccepted, Text = $"the root has not admitted {peer.Name} yet, and until then it has no lateral links" };
                runtime.Log.ChildRefused(peer, no.Reason, no.Text);
                await Channels.SayLastAsync(channel, Frame.KindOneofCase.Refuse, no, runtime.Time).ConfigureAwait(false);
                return null;
            }

            return await lateral.AnswerAsync(channel, peer, wanted).ConfigureAwait(false);
        }

        if (first.Hello is not { } hello) throw new ProtocolViolation(ViolationReason.UnexpectedFrame, $"{first.KindCase} instead of Hello");
        Handshake.Clean(hello);
        children.TryGetValue(peer.Uid, out Child? known);
        Admission verdict = Decide(hello, peer, certificate, known);
        if (verdict.Refusal is { } refusal)
        {
            runtime.Metrics.Refusals.Add(1, new("peer", "child"), new("reason", refusal.Reason.ToString()));
            runtime.Log.ChildRefused(peer, refusal.Reason, refusal.Text);
            await Channels.SayLastAsync(channel, Frame.KindOneofCase.Refuse, refusal, runtime.Time).ConfigureAwait(false);
            return null;
        }

        Child child = children.GetOrAdd(peer.Uid, static (_, with) => new Child(with.peer, new Conversation(with.runtime, with.options)), (peer, runtime, options));
        Welcome welcome;
        lock (child.Conversation.Gate)
        {
            welcome = Handshake.Answer(hello, child.Conversation.Session, runtime.Ids.Next(), verdict, options, version, name);
        }

        await channel.SendAsync(FrameWriter.Packet(Frame.KindOneofCase.Welcome, welcome), stop.Token).ConfigureAwait(false);

        // Registration, only now that the link is up.
        LinkSetup setup = new(peer, hello.Epoch, welcome.Compression == Compression.None ? plain : options, IsParent: true, runtime.Random(), () => new BeatFacts(0, admission.Position), stop.Token, verdict.Provisional);
        Link link = new(runtime, child.Conversation, channel, handler, setup, () => Interlocked.Decrement(ref links));
        lock (child.Conversation.Dispatch)
        {
            bool stale = child.Retired || hello.Epoch <= child.Epoch || (welcome.Resumed && welcome.Session != child.Conversation.Session.Id);
            if (!stale && !stop.Token.IsCancellationRequested)
            {
                child.Raise(hello.Epoch);
                child.Peer = peer;
                if (!BudgetWire.TryRead(hello.Budget, out LinkBudget? budget, out string? fault)) runtime.Log.BudgetRefused(peer, fault);
                child.Conversation.Limit(budget, hello.Budget?.Revision ?? 0, attaching: true, hello.Today is null ? null : DayCount.From(hello.Today));
                Interlocked.Increment(ref links);
                link.AttachNeedsDispatch(welcome, hello.Received, hello);
                return link;
            }
        }

        await Channels.SayLastAsync(channel, Frame.KindOneofCase.Close, new Close { Reason = "overtaken by another attachment" }, runtime.Time).ConfigureAwait(false);
        return null;
    }

    private Admission Decide(Hello hello, PeerIdentity peer, X509Certificate2? certificate, Child? known)
    {
        Admission verdict = admission.Decide(hello, peer, certificate);
        IReadOnlyList<string> path = verdict.Refusal is null ? verdict.Path : [];
        HandshakeView view = new(name, path, LinkCount, options.MaxLinks, known?.Epoch ?? 0, known?.Conversation.Current is not null);
        return Handshake.Check(hello, peer, view) is { } refusal ? Admission.Refused(refusal) : verdict;
    }

    // Forgets children that have been away too long.
    private void Sweep()
    {
        long now = runtime.Now;
        foreach ((string uid, Child child) in children)
        {
            lock (child.Conversation.Dispatch)
            {
                if (child.Conversation.Current is not null)
                {
                    child.AwaySince = -1;
                    continue;
                }

                if (child.AwaySince < 0) child.AwaySince = now;
                TimeSpan away = TimeSpan.FromMilliseconds(now - child.AwaySince);
                if (away < options.Retention) continue;
                child.Retired = true;
                children.TryRemove(uid, out _);
                int count = child.Conversation.Abandon(child.Peer, $"away for {away}");
                if (count > 0) runtime.Log.ConversationGivenUp(child.Peer, away, count);
            }
        }
    }

    // Guarded by the conversation's Dispatch, except for Epoch, which only grows.
    private sealed class Child(PeerIdentity peer, Conversation conversation)
    {
        private ulong epoch;

        public Conversation Conversation { get; } = conversation;

        public PeerIdentity Peer { get; set; } = peer;

        public ulong Epoch => Volatile.Read(ref epoch);

        public void Raise(ulong to)
        {
            for (ulong seen = Epoch; seen < to;)
            {
                ulong found = Interlocked.CompareExchange(ref epoch, to, seen);
                if (found == seen) return;
                seen = found;
            }
        }

        public long AwaySince { get; set; } = -1;

        public bool Retired { get; set; }
    }
}
