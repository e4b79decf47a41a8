using Microsoft.Extensions.Logging;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Issuing;
using Ote.Cluster.Lateral;
using Ote.Cluster.Messages;
using Ote.Cluster.Reports;
using Ote.Cluster.Routing;
using Ote.Cluster.Streams;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>What a controller does with its parent's messages, and how it carries its own up.</summary>
internal sealed class EdgeHandler : ILinkHandler
{
    private readonly Uplink _uplink;
    private readonly RouteKeeper _routes;
    private readonly Dispatcher _dispatcher;
    private readonly ReceiptOutbox _outbox;
    private readonly OwnTags _tags;
    private readonly ParentSeeker? _seeker;
    private readonly JoinRelay _joins;
    private readonly Func<string, ILink?> _linkTo;
    private readonly Action _drain;
    private readonly OutdatedLinks _outdated;
    private readonly NameRefusals _refusals;
    private readonly RevocationKeeper _revocations;
    private readonly TrustKeeper _trust;
    private readonly ClusterMessages _messages;
    private readonly ReportRelay _reports;
    private readonly StreamDesk _streams;
    private readonly LinkDesk? _links;
    private readonly IssuingDesk? _issuing;
    private readonly LateralLinks? _lateral;
    private readonly ILogger _log;
    private readonly CancellationToken _stop;
    private CancellationTokenSource? _sending;

    public EdgeHandler(
        Uplink uplink,
        RouteKeeper routes,
        Dispatcher dispatcher,
        ReceiptOutbox outbox,
        OwnTags tags,
        ParentSeeker? seeker,
        JoinRelay joins,
        Func<string, ILink?> linkTo,
        Action drain,
        OutdatedLinks outdated,
        NameRefusals refusals,
        RevocationKeeper revocations,
        TrustKeeper trust,
        ClusterMessages messages,
        ReportRelay reports,
        StreamDesk streams,
        LinkDesk? links,
        LateralLinks? lateral,
        IssuingDesk? issuing,
        ILogger log,
        CancellationToken stop)
    {
        (_trust, _messages, _reports, _streams, _links, _lateral, _issuing, _outdated) = (trust, messages, reports, streams, links, lateral, issuing, outdated);
        (_uplink, _routes, _dispatcher, _outbox, _tags, _seeker, _joins, _linkTo, _drain, _refusals, _revocations, _log, _stop) =
            (uplink, routes, dispatcher, outbox, tags, seeker, joins, linkTo, drain, refusals, revocations, log, stop);
    }

    public void Attached(ILink link, Welcome welcome, Hello? hello)
    {
        _log.ParentAttached(link.Peer.Name);
        _uplink.Attached(link, welcome);
        _routes.ParentAttached(link, welcome.Path, _seeker?.Home.Name ?? "");
        _lateral?.Stir();
        _messages.Wake();
        _sending = CancellationTokenSource.CreateLinkedTokenSource(_stop);
        var sending = _sending;
        _ = Task.Run(async () =>
        {
            await _outbox.SendAsync(link, sending.Token).ConfigureAwait(false);
            sending.Dispose();
        });
    }

    public void Detached(ILink link, string reason)
    {
        _log.ParentLost(_stop.IsCancellationRequested || link.IsPlanned ? LogLevel.Information : LogLevel.Warning, link.Peer.Name, reason);
        _uplink.Detached(link);
        _lateral?.Stir();
        _messages.Wake(); // a lateral link may lead on
        var sending = Interlocked.Exchange(ref _sending, null);
        try
        {
            sending?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The sender had ended by itself.
        }
    }

    public void Rose(ILink link, TreePosition parent) => _uplink.ParentRose(link, parent);

    public async ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct)
    {
        switch (message.PayloadCase)
        {
            case Message.PayloadOneofCase.Command:
                await _dispatcher.FromAboveAsync(message).ConfigureAwait(false);
                break;
            case Message.PayloadOneofCase.CancelCommand:
                await _dispatcher.CancelFromAboveAsync(message).ConfigureAwait(false);
                break;
            case Message.PayloadOneofCase.RouteRequest:
                _routes.SnapshotAsked();
                break;
            case Message.PayloadOneofCase.SetTags or Message.PayloadOneofCase.SetPlacement or Message.PayloadOneofCase.SetBudget or Message.PayloadOneofCase.SetIssuing
                or Message.PayloadOneofCase.SetLateral:
                await WishAsync(message).ConfigureAwait(false);
                break;
            case Message.PayloadOneofCase.Standing:
                Moved(link, message.Standing);
                break;
            case Message.PayloadOneofCase.JoinAnswer:
                _joins.Answered(message.JoinAnswer);
                break;
            case Message.PayloadOneofCase.Revocations:
                await _revocations.ReceiveAsync(message.Revocations).ConfigureAwait(false);
                break;
            case Message.PayloadOneofCase.Trust:
                await _trust.ReceiveAsync(message.Trust).ConfigureAwait(false);
                break;
            case Message.PayloadOneofCase.ClusterMessage:
                await _messages.FromAboveAsync(link, message).ConfigureAwait(false);
                break;
            case Message.PayloadOneofCase.ReportAsk:
                await _reports.DownAsync(message.ReportAsk, _stop).ConfigureAwait(false);
                break;
            case Message.PayloadOneofCase.OpenStream:
                _streams.FromAbove(link, message.OpenStream);
                break;
            case Message.PayloadOneofCase.NameVerdict:
                Refused(message.NameVerdict);
                break;
            case Message.PayloadOneofCase.AttachedElsewhere:
                _outdated.End(message.AttachedElsewhere);
                break;
            case Message.PayloadOneofCase.ForgetCluster:
                _outdated.Forget(message.ForgetCluster);
                break;
            default:
                _log.ParentMessageRefused(message.PayloadCase.ToString(), "it does not travel down");
                break;
        }
    }

    /// <summary>Carries an operator's wish about one cluster out here, or sends it on towards the cluster it is for.</summary>
    public async Task WishAsync(Message message)
    {
        var name = message.SetTags?.Name ?? message.SetPlacement?.Name ?? message.SetBudget?.Name ?? message.SetIssuing?.Name ?? message.SetLateral.Name;
        if (name != _routes.Self.Name)
        {
            if (_routes.Read(t => t.NextHop(name)) is { } hop && _linkTo(hop) is { } link && !link.TrySend(message))
            {
                _log.ParentMessageRefused(message.PayloadCase.ToString(), $"the link to {hop} has no room; the wish is sent again when the cluster is next heard of");
            }

            return;
        }

        await (message.SetTags is { } tags ? SetTagsAsync(tags)
            : message.SetPlacement is { } place ? PlaceAsync(place)
            : message.SetBudget is { } budget ? LimitAsync(budget)
            : message.SetIssuing is { } order ? IssueAsync(order)
             : LinkAsync(message.SetLateral)).ConfigureAwait(false);
    }

    private Task IssueAsync(SetIssuing order) => _issuing?.ReceiveAsync(order) ?? Task.CompletedTask; // the root needs nobody's leave

    private Task LimitAsync(SetBudget wish)
    {
        if (_links is not null)
        {
            return _links.WishAsync(wish);
        }

        _log.ParentMessageRefused("SetBudget", "the root has no link to a parent");
        return Task.CompletedTask;
    }

    private Task LinkAsync(SetLateral wish)
    {
        if (_lateral is not null)
        {
            return _lateral.WishAsync(wish);
        }

        _log.ParentMessageRefused("SetLateral", "the root is above everyone and has no lateral links");
        return Task.CompletedTask;
    }

    private async Task PlaceAsync(SetPlacement wish)
    {
        if (_seeker is null)
        {
            _log.ParentMessageRefused("SetPlacement", "the root has no other place");
            return;
        }

        await _seeker.WishAsync(wish).ConfigureAwait(false);
        var inForce = _seeker.Placement;
        _routes.Apply(t => t.SetSelf(t.Self with { Placement = PlacementDigest.Of(inForce) }));
        if (inForce.Drain)
        {
            _drain();
        }
    }

    private void Moved(ILink link, Standing standing)
    {
        if (standing.Path.Count == 0 || standing.Path[^1] != link.Peer.Name || standing.Path.Contains(_routes.Self.Name))
        {
            _log.ParentMessageRefused("Standing", $"the path {string.Join('/', standing.Path)} does not lead to {link.Peer.Name}, or leads through here");
            return;
        }

        _uplink.ParentMoved(link, standing);
        _seeker?.Learn([.. standing.Path], standing.Candidates);
        _routes.AncestorsChanged(standing.Path);
    }

    private async Task SetTagsAsync(SetTags set)
    {
        if (!TagSet.TryCreate(set.Tags, out var tags, out var error))
        {
            _log.ParentMessageRefused("SetTags", error);
            return;
        }

        await _tags.SetAsync(tags, set.Generation).ConfigureAwait(false);
        _routes.Apply(t => t.SetSelf(t.Self with { Tags = tags }));
        _log.TagsSet(_routes.Self.Name, tags.ToString());
    }

    /// <summary>A name below is refused by an ancestor: its direct child is cut off, one further down is not routed any more.</summary>
    public void Refused(NameVerdict verdict)
    {
        _log.NameRefused(verdict.Name, verdict.Uid, verdict.Text);
        var (hop, shown) = _routes.Read(t => t.Find(verdict.Name) is { } entry && entry.Uid == verdict.Uid ? (t.NextHop(verdict.Name), entry.Membership) : default);
        if (hop is not null && hop == verdict.Name)
        {
            _refusals.Add(verdict.Uid, verdict.Text, verdict.WinnerUid.Length == 0 ? shown : null);
            _linkTo(hop)?.Close(verdict.Text);
            _routes.Apply(t => t.ChildDetached(hop, 0));
            _routes.Apply(t => t.Forget(hop));
        }
        else if (hop is not null)
        {
            // Whose child it is cuts it off. Until that is heard of here, or if nobody below can be believed, it is at least not routed.
            var step = _routes.Apply(t => t.Refuse(verdict.Name, verdict.Uid));
            foreach (var other in step.Ask)
            {
                _linkTo(other)?.TrySend(new Message { Lane = Lane.Control, RouteRequest = new RouteSnapshotRequest { Reason = "refused" } });
            }

            _linkTo(hop)?.TrySend(new Message { Lane = Lane.Control, NameVerdict = verdict });
        }
    }
}
