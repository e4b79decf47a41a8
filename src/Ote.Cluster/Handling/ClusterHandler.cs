using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Issuing;
using Ote.Cluster.Messages;
using Ote.Cluster.Reports;
using Ote.Cluster.Routing;
using Ote.Cluster.Streams;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Handling;

/// <summary>
/// What a controller does with its children's messages. Whatever a child brings counts for its own subtree only: a route or a receipt
/// in another cluster's name is dropped, counted by the log, and changes nothing.
/// </summary>
internal sealed class ClusterHandler : ILinkHandler, IAdmission
{
    private const int MostToldAtOnce = 10;
    private static readonly TimeSpan NotAboveRetry = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ProvisionalRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NameTakenRetry = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan DrainingRetry = TimeSpan.FromSeconds(30);
    private readonly ConcurrentDictionary<string, ILink> _links = new(StringComparer.Ordinal);
    private readonly Uplink _uplink;
    private readonly RouteKeeper _routes;
    private readonly Transit _transit;
    private readonly ReceiptIntake _receipts;
    private readonly Func<JoinRequest, CancellationToken, Task<JoinAnswer>>? _decideJoin;
    private readonly JoinRelay _joins;
    private readonly NameRefusals _refusals;
    private readonly StandingDesk _desk;
    private readonly Func<bool> _drains;
    private readonly RevocationKeeper _revocations;
    private readonly TrustKeeper _trust;
    private readonly ClusterMessages _messages;
    private readonly ReportRelay _reports;
    private readonly StreamDesk _streams;
    private readonly IssuingDesk? _issuing;
    private readonly Action<ViolationReason> _violated;
    private readonly OutdatedLinks _outdated;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationToken _stop;

    /// <summary>Makes the handler.</summary>
    /// <param name="uplink">Where this controller stands.</param>
    /// <param name="routes">Who is where.</param>
    /// <param name="transit">What waits for children.</param>
    /// <param name="receipts">Takes what children report.</param>
    /// <param name="decideJoin">The root's decision on joining; null elsewhere.</param>
    /// <param name="joins">Carries joining up and down.</param>
    /// <param name="refusals">Whose name was refused above.</param>
    /// <param name="desk">Tells children where to go.</param>
    /// <param name="drains">Whether an operator empties this parent.</param>
    /// <param name="revocations">Who is shut out.</param>
    /// <param name="trust">The tree's CAs.</param>
    /// <param name="messages">What clusters say to each other.</param>
    /// <param name="reports">Carries what clusters report.</param>
    /// <param name="streams">Waits for byte streams.</param>
    /// <param name="issuing">Lets clusters in by the root's leave; null at the root.</param>
    /// <param name="violated">Counts what no child may say.</param>
    /// <param name="outdated">Ends links of clusters that have attached elsewhere since.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where it logs.</param>
    /// <param name="stop">Fires when the controller stops.</param>
    public ClusterHandler(
        Uplink uplink,
        RouteKeeper routes,
        Transit transit,
        ReceiptIntake receipts,
        Func<JoinRequest, CancellationToken, Task<JoinAnswer>>? decideJoin,
        JoinRelay joins,
        NameRefusals refusals,
        StandingDesk desk,
        Func<bool> drains,
        RevocationKeeper revocations,
        TrustKeeper trust,
        ClusterMessages messages,
        ReportRelay reports,
        StreamDesk streams,
        IssuingDesk? issuing,
        Action<ViolationReason> violated,
        OutdatedLinks outdated,
        TimeProvider time,
        ILogger log,
        CancellationToken stop)
    {
        (_trust, _messages, _reports, _streams, _issuing, _violated, _outdated) = (trust, messages, reports, streams, issuing, violated, outdated);
        trust.Changed += next => Tell(new Message { Lane = Lane.Control, Trust = next.Signed });
        (_uplink, _routes, _transit, _receipts, _decideJoin, _joins, _refusals, _desk, _drains, _revocations, _time, _log, _stop) =
            (uplink, routes, transit, receipts, decideJoin, joins, refusals, desk, drains, revocations, time, log, stop);
        revocations.Changed += Tell;
        revocations.Changed += _ => CutProvisional();
        uplink.Moved += CutProvisional;
    }

    /// <inheritdoc/>
    public TreePosition Position => _uplink.Tell();

    /// <summary>The link to a direct child while it is up.</summary>
    public ILink? LinkTo(string child) => _links.TryGetValue(child, out var link) && link.IsUp ? link : null;

    public Admission Decide(Hello hello, PeerIdentity peer, X509Certificate2? certificate)
    {
        if (_revocations.Objection(peer) is { } revoked)
        {
            return Admission.Refuse(Refuse.Types.Reason.Revoked, revoked, never: true);
        }

        if (_refusals.Find(peer.Uid, hello.Membership) is { } refused)
        {
            return NameTaken(refused, hello);
        }

        var known = _routes.Read(t => t.Find(peer.Name));
        if (known is not null && known.Uid != peer.Uid && known.Online)
        {
            return NameTaken($"cluster name '{peer.Name}' is held by another cluster (uid {known.Uid}); join under another name", hello);
        }

        ProvisionalCertificate? provisional = null;
        if (certificate is not null && ProvisionalCertificate.IsOne(certificate))
        {
            provisional = ProvisionalCertificate.Read(certificate, _trust.Current.Authorities);
            if (Objection(provisional, peer, known) is { } no)
            {
                return Admission.Refuse(Refuse.Types.Reason.NotAccepted, no, ProvisionalRetry);
            }
        }

        var others = _desk.For(peer.Name);
        if (_drains())
        {
            return Admission.Refuse(
                Refuse.Types.Reason.Draining, $"{_routes.Self.Name} is being drained by an operator and takes no children", DrainingRetry, candidates: others);
        }

        if (!_uplink.TryAdmit(TreePosition.From(hello.Position), hello.Home, out var position))
        {
            return Admission.Refuse(
                Refuse.Types.Reason.NotAbove,
                $"{_routes.Self.Name} at {position} does not stand above {peer.Name} at {TreePosition.From(hello.Position)}; after the root's next beats it may",
                NotAboveRetry,
                candidates: others);
        }

        return Admission.Accept(_uplink.Path, position, others, provisional);
    }

    /// <summary>Ends links whose provisional certificates count no more, or not here. Call now and then: they end by time too.</summary>
    public void CutProvisional()
    {
        foreach (var link in _links.Values)
        {
            if (link.Provisional?.Objection(_time.GetUtcNow(), _uplink.Path, _revocations.Current) is { } no)
            {
                link.Close(no);
            }
        }
    }

    public ProbeAnswer Probe(PeerIdentity peer) => new()
    {
        Name = _routes.Self.Name,
        Uid = _routes.Self.Uid,
        Path = { _uplink.Path },
        Position = _uplink.Position.ToWire(),
        Rooted = _uplink.IsRooted,
        Children = (uint)_links.Count,
        Draining = _drains(),
    };

    /// <summary>Sends all children elsewhere.</summary>
    public void Drain()
    {
        _log.Draining(_routes.Self.Name);
        foreach (var link in _links.Values)
        {
            link.Close("this parent is being drained; choose another", planned: true);
        }
    }

    public void Attached(ILink link, Welcome welcome, Hello? hello)
    {
        var name = link.Peer.Name;
        _links[name] = link;
        if (hello!.Trust < _trust.Current.Version && _trust.Current.Signed is { } cas)
        {
            Tell(link, new Message { Lane = Lane.Control, Trust = cas }); // before what those CAs have signed
        }

        if (_revocations.Objection(link.Peer) is { } revoked)
        {
            link.Close(revoked); // revoked after it was admitted and before anybody could have found this link
        }
        else if (hello!.Revocations < _revocations.Current.Version)
        {
            Tell(link, _revocations.Current);
        }

        TagSet.TryCreate(hello!.Tags, out var tags, out _);
        var attached = _routes.Apply(t =>
        {
            var known = t.Find(name);
            var step = t.ChildAttached(new RouteEntry
            {
                Name = name,
                Uid = link.Peer.Uid,
                Epoch = link.Epoch,
                Tags = tags,
                Online = true,
                Address = hello.AdvertisedAddress,
                Version = hello.Version,
                Since = _time.GetUtcNow().ToUnixTimeMilliseconds(),
                Trust = known?.Trust ?? 0,
                Authority = known?.Authority ?? 0,
                Managed = known is { Managed: true } && known.Uid == link.Peer.Uid,
                Home = hello.Home ? t.Self.Name : ClusterName.Check(hello.HomeName) is null ? hello.HomeName : "",
                Placement = known?.Placement ?? 0,
                Budget = known?.Budget ?? 0,
                Link = known?.Link,
                Issuer = link.Provisional?.Grant.Issuer.Name ?? "",
                Issuing = known?.Issuing ?? 0,
                Lateral = known?.Lateral ?? 0,
                LateralLinks = known?.LateralLinks ?? ByteString.Empty,
                Local = known is { Managed: true } && known.Uid == link.Peer.Uid ? known.Local : null,
                Membership = link.Provisional is not null ? ByteString.Empty : hello.Membership.IsEmpty && known?.Uid == link.Peer.Uid ? known.Membership : hello.Membership,
            });
            foreach (var verdict in step.Verdicts)
            {
                link.Close(verdict.Text);
            }

            return step;
        });
        _outdated.End(attached);
        _log.ChildAttached(name, _routes.Self.Name);
        _desk.Attached(link, hello.AdvertisedAddress, welcome, _stop);
        _transit.Attached(name);
        _messages.Wake();
    }

    public void Detached(ILink link, string reason)
    {
        var name = link.Peer.Name;
        if (_links.TryRemove(new KeyValuePair<string, ILink>(name, link)))
        {
            _log.ChildDetached(_stop.IsCancellationRequested || link.IsPlanned ? LogLevel.Information : LogLevel.Warning, name, _routes.Self.Name, reason);
            _desk.Detached(link);
            _routes.Apply(t => t.ChildDetached(name, _time.GetUtcNow().ToUnixTimeMilliseconds()));
        }
    }

    public void Beat(ILink link, ulong digest)
    {
        if (_routes.HasDrifted(link.Peer.Name, digest))
        {
            _log.RoutesDrifted(link.Peer.Name);
            AskForSnapshot(link, "digest");
        }
    }

    public ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct)
    {
        switch (message.PayloadCase)
        {
            case Message.PayloadOneofCase.RouteSnapshot:
                Routes(link, t => t.SnapshotReceived(link.Peer.Name, message.RouteSnapshot));
                return ValueTask.CompletedTask;
            case Message.PayloadOneofCase.RouteDelta:
                Routes(link, t => t.DeltaReceived(link.Peer.Name, message.RouteDelta));
                return ValueTask.CompletedTask;
            case Message.PayloadOneofCase.Receipts:
                return new ValueTask(_receipts.TakeAsync(link.Peer.Name, message.Receipts));
            case Message.PayloadOneofCase.ClusterMessage:
                return new ValueTask(_messages.FromBelowAsync(link, message));
            case Message.PayloadOneofCase.ReportPart:
                return new ValueTask(_reports.FromBelowAsync(link, message.ReportPart, _stop));
            case Message.PayloadOneofCase.StreamRefused:
                _streams.Refused(link, message.StreamRefused);
                return ValueTask.CompletedTask;
            case Message.PayloadOneofCase.BudgetChanged:
                Limit(link, message.BudgetChanged);
                return ValueTask.CompletedTask;
            case Message.PayloadOneofCase.JoinRequest:
                Join(link, message.JoinRequest, ct);
                return ValueTask.CompletedTask;
            default:
                _log.Forged(message.PayloadCase.ToString(), link.Peer.Name, link.Peer.Name);
                return ValueTask.CompletedTask;
        }
    }

    /// <summary>A budget protects the child's own link: its word counts, looser or tighter.</summary>
    private void Limit(ILink link, Budget said)
    {
        if (BudgetWire.TryRead(said, out var budget, out var fault))
        {
            link.Limit(budget, said.Revision, said.Today);
        }
        else
        {
            _log.BudgetRefused(link.Peer.Name, fault);
        }
    }

    private void Tell(Message message)
    {
        foreach (var link in _links.Values)
        {
            Tell(link, message.Clone());
        }
    }

    private void Tell(Revocations revocations)
    {
        foreach (var link in _links.Values)
        {
            if (_revocations.Objection(link.Peer) is { } revoked)
            {
                link.Close(revoked);
            }
            else
            {
                Tell(link, revocations);
            }
        }
    }

    // A child that has no room for this is cut off rather than left without it: it is told when it attaches again.
    private static void Tell(ILink link, Revocations revocations) => Tell(link, new Message { Lane = Lane.Control, Revocations = revocations.Signed });

    private string? Objection(ProvisionalCertificate? certificate, PeerIdentity peer, RouteEntry? known) =>
        certificate is null || certificate.Peer != peer ? $"the certificate of {peer} is provisional and not of this tree: its issuer had no leave of the root for it; join again with a token"
        : known is { Membership.IsEmpty: false } ? $"the root has admitted {peer.Name} already, and a provisional certificate does not stand for it; its true one does"
        : certificate.Objection(_time.GetUtcNow(), _uplink.Path, _revocations.Current) ?? _issuing?.Objection(certificate);

    // Who shows that the root has admitted it has a right to its name, and needs no person to come again.
    private static Admission NameTaken(string text, Hello hello) => hello.Membership.IsEmpty
        ? Admission.Refuse(Refuse.Types.Reason.NameTaken, text, never: true)
        : Admission.Refuse(Refuse.Types.Reason.NameTaken, text, NameTakenRetry);

    private static void Tell(ILink link, Message message)
    {
        if (link.IsUp && !link.TrySend(message))
        {
            link.Close($"no room for the {message.PayloadCase}");
        }
    }

    private static void AskForSnapshot(ILink link, string reason) =>
        link.TrySend(new Message { Lane = Lane.Control, RouteRequest = new RouteSnapshotRequest { Reason = reason } });

    private void Routes(ILink link, Func<RouteTable, RouteStep> happen)
    {
        var step = _routes.Apply(happen);
        _outdated.End(step);
        foreach (var verdict in step.Verdicts)
        {
            link.TrySend(new Message { Lane = Lane.Control, NameVerdict = verdict });
        }

        foreach (var verdict in step.Verdicts.Take(MostToldAtOnce))
        {
            _log.NameRefused(verdict.Name, verdict.Uid, verdict.Text);
        }

        if (step.Verdicts.Count > MostToldAtOnce)
        {
            _log.NamesRefused(step.Verdicts.Count - MostToldAtOnce, link.Peer.Name);
        }

        foreach (var _ in step.Verdicts.Where(v => v.WinnerUid.Length == 0))
        {
            _violated(ViolationReason.UnprovenName);
        }

        if (step.Excess is { } excess)
        {
            _violated(ViolationReason.TooManyNames);
            link.Close(excess);
        }

        if (step.NeedsSnapshot)
        {
            AskForSnapshot(link, "gap");
        }
    }

    private void Join(ILink link, JoinRequest request, CancellationToken ct)
    {
        if (request.Via.Count == 0 || request.Via[^1] != link.Peer.Name)
        {
            _log.Forged("join request", request.Name, link.Peer.Name);
            return;
        }

        if (_issuing?.Concerns(request) == true)
        {
            _ = DecideAsync(link, request, _issuing.AnswerAsync, ct);
            return;
        }

        if (_decideJoin is null)
        {
            _joins.PassUp(request);
            return;
        }

        _ = DecideAsync(link, request, _decideJoin, ct);
    }

    private async Task DecideAsync(ILink link, JoinRequest request, Func<JoinRequest, CancellationToken, Task<JoinAnswer>> decide, CancellationToken ct)
    {
        try
        {
            var answer = await decide(request, ct).ConfigureAwait(false);
            answer.RequestId = request.RequestId;
            answer.Via.Clear();
            answer.Via.Add(request.Via);
            link.TrySend(new Message { Lane = Lane.Control, JoinAnswer = answer });
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Stopping; the joining cluster asks again.
        }
#pragma warning disable CA1031 // Nobody awaits this: an unanswered request is asked again, and the log says why.
        catch (Exception failed)
#pragma warning restore CA1031
        {
            _log.JoinFailed(request.Name, failed);
        }
    }
}
