using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Cluster.Budgets;
using Ote.Cluster.Commands;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Issuing;
using Ote.Cluster.Journal;
using Ote.Cluster.Lateral;
using Ote.Cluster.Messages;
using Ote.Cluster.Namespaces;
using Ote.Cluster.Reports;
using Ote.Cluster.Routing;
using Ote.Cluster.Streams;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Protocol.Reports;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Handling;

/// <summary>
/// One named node of the tree: keeps the link to its parent (EdgeTunnel), serves its children (CloudTunnel), routes between them, runs
/// commands on the cluster behind its shim, and, where it has a control API, carries out the commands written there for its whole
/// subtree. Any number of them live in one process; they share nothing.
/// </summary>
public sealed class ClusterController : IAsyncDisposable
{
    /// <summary>Where the product keeps its own namespaced objects on a control API.</summary>
    public const string SystemNamespace = "ote-system";

    // A beat reaches all at one depth within a heartbeat or two of each other. Only in between may a branch stand above another of its
    // depth by a beat, and be refused there: so beats are rarer.
    private const int HeartbeatsABeat = 6;

    private readonly ClusterControllerOptions _options;
    private readonly ClusterControllerParts _parts;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly IJournal _journal;
    private readonly RootAuthorities? _authority;
    private readonly IdentitySource _identity;
    private readonly TunnelRuntime _runtime;
    private readonly ControllerMetrics _metrics;
    private readonly ControlDefinitions? _definitions;
    private readonly Uplink _uplink;
    private readonly RouteKeeper _routes;
    private readonly ReceiptOutbox _outbox;
    private readonly CommandExecutor _executor;
    private readonly Transit _transit;
    private readonly ClusterHandler _clusterHandler;
    private readonly EdgeHandler _edgeHandler;
    private readonly JoinRelay _joins;
    private readonly JoinDesk? _desk;
    private readonly RevocationKeeper _revocations;
    private readonly TrustKeeper _trust;
    private readonly Rollover? _rollover;
    private readonly Revoker? _revoker;
    private readonly KnownParents _parents;
    private readonly OwnCertificate _certificate;
    private readonly IssuingDesk? _issuing;
    private readonly OwnTags _tags;
    private readonly ParentSeeker? _seeker;
    private readonly OwnBudget _budget;
    private readonly LinkDesk? _links;
    private readonly LateralLinks? _lateral;
    private readonly LocalWatch? _local;
    private readonly TreeReports _reports;
    private readonly LiveAccess _live;
    private readonly IDialer _dialer;
    private readonly StandingDesk _standing;
    private readonly CommandAccess _access;
    private readonly MessageAccess _messageAccess;
    private readonly AuditLog? _audit;
    private readonly CommandController? _commands;
    private readonly ClusterObjects? _objects;
    private readonly MessageObjects? _messageObjects;
    private readonly NamespaceFlow? _namespaces;
    private readonly List<Task> _loops = [];
    private EdgeTunnel? _edgeTunnel;
    private EpochCounter? _epochs;
    private CloudTunnel? _cloudTunnel;
    private IListening? _listener;

    internal ClusterController(
        ClusterControllerOptions options, ClusterControllerParts parts, IJournal journal, RootAuthorities? authority, ClusterIdentity identity, OwnTags tags,
        (PolicySet? Commands, MessagePolicySet? Messages) policies, AuditLog? audit, JoinedConnection? joined = null)
    {
        (_options, _parts, _journal, _authority, _tags) = (options, parts, journal, authority, tags);
        _log = parts.Loggers.CreateLogger("Ote.Cluster.Handling");
        _audit = audit;
        _identity = new IdentitySource(identity);
        _runtime = new TunnelRuntime(parts.Time, parts.Meters, parts.Loggers, parts.Random, RandomNumberGenerator.GetBytes(16));
        _uplink = new Uplink(options.Name, parts.Time, options.Tunnel.Heartbeat * HeartbeatsABeat * 3) { IsRoot = authority is not null };
        if (parts.Dialer is not null)
        {
            joined?.Dispose(); // whoever dials for it does so anew
        }

        _dialer = parts.Dialer ?? new WebSocketDialer(
            () => _identity.Current, parts.Time, objection: (address, seen) => _revocations!.Objection(seen) ?? _parents!.Objection(address, seen),
            trust: () => _identity.Trust, untrusted: LearnTrustAsync, joined: joined);
        _seeker = options.Parent is not { } home
            ? null
            : new ParentSeeker(
                options.Failover, home, options.AlternateParents, journal, parts.Time, parts.Random, parts.Loggers.CreateLogger("Ote.Cluster.Failover")) { Place = _uplink };
        _budget = OwnBudget.Load(journal);
        var lateral = OwnLateral.Load(journal);
        _routes = new RouteKeeper(
            new RouteEntry
            {
                Name = options.Name,
                Uid = identity.Peer.Uid,
                Tags = tags.Current,
                Online = true,
                Version = ProductVersion,
                Since = parts.Time.GetUtcNow().ToUnixTimeMilliseconds(),
                Managed = parts.Shim is not null,
                Home = _seeker?.Home.Name ?? "",
                Placement = _seeker is null ? 0 : PlacementDigest.Of(_seeker.Placement),
                Budget = _budget.Current?.Digest() ?? 0,
                Lateral = _seeker is null ? 0 : lateral.Current.Digest(),
            },
            journal, parts.Time, _log,
            authority is null ? null : entry => authority.IsMember(new PeerIdentity(entry.Name, entry.Uid), entry.Membership.Span),
            entry => _issuing?.IsIssued(entry) == true);
        _metrics = new ControllerMetrics(parts.Meters, options.Name);
        _audit?.CountLost(_metrics.AuditLost());
        _outbox = new ReceiptOutbox(journal, _log);
        _transit = new Transit(journal, name => _clusterHandler!.LinkTo(name), parts.Time, _log);
        _executor = new CommandExecutor(options.Name, parts.Shim, journal, ReportOwnAsync, parts.Time, parts.Random, _log, _metrics, _runtime.Activities, audit);
        _joins = new JoinRelay(options.Name, _uplink, name => _clusterHandler!.LinkTo(name));
        _parents = KnownParents.Load(IdentityDirectory(options.DataDirectory));
        _revocations = new RevocationKeeper(journal, _identity, _log);
        _trust = new TrustKeeper(journal, _identity, _log);
        _issuing = authority is not null ? null : new IssuingDesk(
            journal, _identity, _revocations, _joins.AskAsync, verdict => _edgeHandler!.Refused(verdict), parts.Time, parts.Loggers.CreateLogger("Ote.Cluster.Issuing"), audit);
        _certificate = new OwnCertificate(options, parts, IdentityDirectory(options.DataDirectory), _identity, authority, _uplink, _joins, LearnTrustAsync);
        if (authority is not null && parts.ControlApi is { } rootApi)
        {
            _revoker = new Revoker(_revocations, authority, identity.Peer.Uid, options.RenewalGrace, parts.Time, _log, audit, parts.ControlApiNamesRequester);
            _desk = new JoinDesk(rootApi, authority, _revocations, new JoinDeskOptions(options.RenewalGrace, options.Name, OwnHosts.Of(options)), parts.Time, parts.Loggers.CreateLogger("Ote.Cluster.Issuing"), audit)
            {
                MayExist = name => _objects?.MayExist(name) ?? true,
            };
        }

        _messageAccess = new MessageAccess(
            policies.Messages, parts.ControlApi, _routes, () => _uplink.Path, parts.Time, parts.Random, parts.Loggers.CreateLogger("Ote.Cluster.Access"));
        Messages = new ClusterMessages(
            _routes, _messageAccess, _uplink, name => _clusterHandler!.LinkTo(name), () => _lateral, _runtime.Metrics.Violated, options.Tunnel.MaxHops, journal, parts.Time,
            parts.Loggers.CreateLogger("Ote.Cluster.Messages"), _stop.Token);
        _routes.Changed += Messages.RoutesChanged;
        if (_seeker is not null)
        {
            _lateral = MakeLateral(identity.Peer, lateral, LateralDays.Load(journal));
        }

        _links = _seeker is null ? null : new LinkDesk(
            _budget, () => _edgeTunnel, (budget, cost) => _routes.Apply(t => t.SetSelf(t.Self with { Budget = budget, Link = cost ?? t.Self.Link })), parts.Time, _log);
        var refusals = new NameRefusals(parts.Time);
        _standing = new StandingDesk(_uplink, _seeker, names => _routes.Read(t => t.ChildCounts(names)), _dialer, parts.Time, parts.Random, _log);
        _uplink.Moved += _standing.Wake;
        _uplink.Moved += () => StandingChanged?.Invoke();
        if (_seeker is not null)
        {
            _seeker.Changed += () => StandingChanged?.Invoke();
        }

        _reports = new TreeReports(_routes, _uplink, name => _clusterHandler!.LinkTo(name), parts.Shim, parts.Time, parts.Random, parts.Loggers, _stop.Token);
        _live = new LiveAccess(
            _routes, name => _clusterHandler!.LinkTo(name), DialStreamAsync, parts.Shim, () => _access!, audit, parts.Time, parts.Loggers, _stop.Token);
        var outdated = new OutdatedLinks(_routes, name => _clusterHandler!.LinkTo(name), (uid, epoch) => _cloudTunnel?.Overtaken(uid, epoch));
        _clusterHandler = new ClusterHandler(
            _uplink,
            _routes,
            _transit,
            new ReceiptIntake(_routes, receipts => ReportAsync(receipts, []), _runtime.Metrics.Violated, parts.Time, _log),
            _desk is null ? null : _desk.DecideAsync,
            _joins,
            refusals,
            _standing,
            () => _seeker is { Placement.Drain: true },
            _revocations,
            _trust,
            Messages,
            _reports.Relay,
            _live.Streams,
            _issuing,
            _runtime.Metrics.Violated,
            outdated,
            parts.Time,
            _log,
            _stop.Token);
        _access = new CommandAccess(policies.Commands, parts.ControlApi, _routes, () => _uplink.Path, parts.Time, parts.Random, parts.Loggers.CreateLogger("Ote.Cluster.Access"));
        var dispatcher = new Dispatcher(_routes, _executor, _transit, _access, receipts => ReportAsync(receipts, []), parts.Time, _stop.Token, audit);
        _edgeHandler = new EdgeHandler(
            _uplink, _routes, dispatcher, _outbox, tags, _seeker, _joins, _clusterHandler.LinkTo, _clusterHandler.Drain, outdated, refusals, _revocations, _trust, Messages, _reports.Relay, _live.Streams, _links, _lateral, _issuing, _log,
            _stop.Token);
        if (parts.ControlApi is { } api)
        {
            _definitions = new ControlDefinitions(api, parts.Time, _log);
            _commands = new CommandController(
                options.Name, api, parts.ControlApiNamesRequester, new EntrySender(_routes, _clusterHandler.LinkTo, uid => _revocations.Current.Contains(uid), name => authority is null || _objects?.MayExist(name) != false, _executor, _runtime, parts.Time, _log), parts.Time, parts.Random, _log,
                access: _access, audit: audit, counted: _metrics.Ended, mirror: parts.Mirror);
            var certificates = new ClusterCertificates(_identity, _revocations, _revoker, authority is null ? null : options.RenewalGrace, parts.Time);
            _rollover = authority is null ? null : new Rollover(
                api, authority, _trust, _revoker!, _revocations, _routes, stop => PublishAsync(api, stop), options.RenewalGrace, parts.Time, parts.Random, _log);
            var orders = authority is null ? null : new IssuingOrders(
                api, authority, _revocations, options.RenewalGrace, _edgeHandler.WishAsync, parts.Time, parts.Random, parts.Loggers.CreateLogger("Ote.Cluster.Issuing"));
            if (orders is not null)
            {
                _trust.Changed += _ => orders.ChangedAll();
            }

            _objects = new ClusterObjects(_routes, _uplink, api, _edgeHandler.WishAsync, certificates, parts.Time, parts.Random, _log, orders, outdated);
            _messageObjects = new MessageObjects(Messages, api, parts.Time, parts.Random, parts.Loggers.CreateLogger("Ote.Cluster.Messages"));
            _namespaces = parts.Mirror is null ? null : NamespaceFlow.Make(api, parts, _routes, _live.ClientOf, _access);
            _routes.Changed += OnRoutesChanged;
            _metrics.ObserveCertificates(_certificate.SecondsLeft, _revoker is null ? null : () => certificates.Late);
        }
        else
        {
            _metrics.ObserveCertificates(_certificate.SecondsLeft, null);
        }

        if (_issuing is not null)
        {
            _metrics.ObserveIssuing(() => _issuing.Waiting);
        }

        if (_seeker is not null)
        {
            _metrics.ObserveLink(() => LinkCost);
            _metrics.ObserveLateral(() => LateralLinks);
        }

        if (parts.Shim is { } shim)
        {
            _local = new LocalWatch(shim, local => _routes.Apply(t => t.SetSelf(t.Self with { Local = local })), parts.Time, _log);
            _metrics.ObserveLocal(() => _local.Now);
        }

        _metrics.Observe(
            () => _executor.Waiting, () => _transit.Count, () => _outbox.Count, _commands is null ? null : () => _commands.Open, () => _routes.Read(t => t.Count));
        _metrics.ObserveJournal(() => JournalFault is not null);
    }

    /// <summary>The version of this product.</summary>
    public static string ProductVersion { get; } = typeof(ClusterController).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    /// <summary>What the applications of this cluster and of others say to each other.</summary>
    public ClusterMessages Messages { get; }

    /// <summary>
    /// Carries one request to the API of a cluster of the subtree, or of the own one, and its answer back, upgrades included. What keeps it from that is answered with a Status.
    /// </summary>
    /// <param name="context">The request, authenticated and allowed here.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="user">Who asks.</param>
    /// <param name="groups">The groups of that user.</param>
    /// <param name="target">Path and query at the cluster.</param>
    public Task ForwardAsync(HttpContext context, string cluster, string user, IReadOnlyList<string> groups, string target) =>
        _live.ForwardAsync(context, cluster, new Requester { User = user, Groups = { groups } }, target);

    /// <summary>
    /// Follows what the clusters of the subtree, this one included, report: how each stands, and of those that are asked for what there is in them. Any number
    /// may follow; of one cluster the last that asked gets the reports.
    /// </summary>
    /// <param name="requests">What the follower asks of whom.</param>
    /// <param name="ct">Ends it.</param>
    public IAsyncEnumerable<TreeReport> FollowReportsAsync(IAsyncEnumerable<TreeRequest> requests, CancellationToken ct) => _reports.FollowAsync(requests, ct);

    /// <summary>Where children connect; null when it takes none.</summary>
    public IPEndPoint? ListenAddress => _listener?.EndPoint;

    /// <summary>The tree's CA pin, for those who are to join; at the root only.</summary>
    public string? CaPin => _authority?.Active.Pin.ToString();

    /// <summary>The root serves; any other is attached to its parent.</summary>
    public bool IsReady => (_authority is not null ? _listener is not null : _uplink.Link is not null) && ControlFault is null;

    /// <summary>Why the control API cannot be used, for people; null when it can, or there is none.</summary>
    public string? ControlFault => _definitions?.Fault;

    /// <summary>That the own certificate has ended, and why there is no other yet, for people; null while it is in its time.</summary>
    public string? CertificateFault =>
        _identity.Current.Certificate.NotAfter is var end && _parts.Time.GetUtcNow() >= end
            ? $"its certificate ended at {end.ToUniversalTime():u} and {(_identity.NotRenewed is { } why ? $"cannot be renewed now: {why}" : "is being renewed")}"
            : null;

    /// <summary>Why what must not be forgotten cannot be kept, for people: the file, the cause and the next step. Null when it can.</summary>
    public string? JournalFault => _journal.Fault;

    /// <summary>
    /// Raised when <see cref="Parent"/>, <see cref="Path"/>, <see cref="Candidates"/> or <see cref="IsPinned"/> may have changed, on the
    /// thread that brought it: return quickly.
    /// </summary>
    public event Action? StandingChanged;

    /// <summary>The parent it hangs below now; null while it has none.</summary>
    public string? Parent => _uplink.Link?.Peer.Name;

    /// <summary>From the root down to this cluster, as far as is known.</summary>
    public IReadOnlyList<string> Path => _uplink.Path;

    /// <summary>What the link to the parent costs, over its reconnects; null at the root. A snapshot.</summary>
    public LinkCost? LinkCost => _edgeTunnel?.Cost;

    /// <summary>What the links to the children that are attached cost, by name, by the books of this end. A snapshot.</summary>
    public IReadOnlyDictionary<string, LinkCost> LinkCosts =>
        (_cloudTunnel?.Links() ?? []).GroupBy(l => l.Peer.Name, StringComparer.Ordinal).ToDictionary(l => l.Key, l => l.First().Cost, StringComparer.Ordinal);

    /// <summary>How the lateral links that an operator allows are; empty when there are none. A snapshot.</summary>
    public IReadOnlyList<LateralStatus> LateralLinks => _lateral?.Statuses ?? [];

    /// <summary>All clusters known below this one, direct and further down, those that are away too; a snapshot, in no order.</summary>
    public IReadOnlyList<RouteEntry> Below => _routes.Read(t => t.Below.ToArray());

    /// <summary>Names of the clusters it may hang below if it loses its parent, as its parent told them.</summary>
    public IReadOnlyList<string> Candidates => _seeker is null ? [] : [.. _seeker.Learned.Select(c => c.Name)];

    /// <summary>Whether an operator lets it have one parent only.</summary>
    public bool IsPinned => _seeker is { Placement.PinnedParent.Length: > 0 };

    /// <summary>
    /// Starts a controller. A cluster that has not joined yet joins first: it keeps asking while the parent cannot be reached or an
    /// operator has not approved; afterwards an unreachable parent does not hold the start up.
    /// </summary>
    /// <exception cref="ClusterControllerException">It cannot start as asked, or the tree refuses it for good.</exception>
    public static async Task<ClusterController> StartAsync(ClusterControllerOptions options, ClusterControllerParts parts, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parts);
        ClusterControllerStart.Check(options, parts);
        if (Objection(options) is { } taken)
        {
            throw new ClusterControllerException(taken);
        }

        try
        {
            Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new ClusterControllerException($"--data {options.DataDirectory}: {refused.Message} Choose a directory that this user may write to.", refused);
        }

        var journal = parts.Journal ?? SqliteJournal.Open(System.IO.Path.Combine(options.DataDirectory, "journal.db"), parts.Time);
        var controller = await ClusterControllerStart.MakeAsync(options, parts, journal, cancellation).ConfigureAwait(false);
        try
        {
            await controller.BeginAsync(cancellation).ConfigureAwait(false);
            return controller;
        }
        catch
        {
            await controller.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Completes when stopped; the controller works from its start on.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _stop.Token);
        var ended = new TaskCompletionSource();
        using var registered = either.Token.Register(ended.SetResult);
        await ended.Task.ConfigureAwait(false);
    }

    /// <summary>Ends the links with a goodbye, stops the loops, closes the journal. What is on its way stays on disk.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_cloudTunnel is not null)
        {
            await _cloudTunnel.DisposeAsync().ConfigureAwait(false);
        }

        if (_listener is not null)
        {
            await _listener.DisposeAsync().ConfigureAwait(false);
        }

        try
        {
            await Task.WhenAll(_loops).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Stopped, as asked.
        }

        if (_parts.Shim is not null)
        {
            await _parts.Shim.DisposeAsync().ConfigureAwait(false);
        }

        await _live.DisposeAsync().ConfigureAwait(false);
        await _journal.DisposeAsync().ConfigureAwait(false);
        _audit?.Dispose();
        _commands?.Dispose();
        _messageObjects?.Dispose();
        _namespaces?.Dispose();
        Messages.Dispose();
        _lateral?.Dispose();
        _objects?.Dispose();
        _rollover?.Dispose();
        _issuing?.Dispose();
        _runtime.Dispose();
        _metrics.Dispose();
        _authority?.Dispose();
        _stop.Dispose();
    }

    /// <summary>Whether a data directory holds the identity of a cluster that has joined. Reads nothing of it.</summary>
    public static bool HasJoined(string dataDirectory) => ClusterIdentity.IsIn(IdentityDirectory(dataDirectory));

    /// <summary>Why no controller of this name may start in its data directory; null when it may. Writes nothing.</summary>
    public static string? Objection(ClusterControllerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            var own = options.Parent is null ? options.Name : ClusterControllerOptions.RootName; // a root keeps its CA there, and no name
            return DirectoryOwner.NameIn(IdentityDirectory(options.DataDirectory), own) is { } owner && owner != options.Name
                ? $"--name: {options.DataDirectory} holds the identity of cluster '{owner}', not '{options.Name}'; use that name, or another --data to join anew"
                : null;
        }
        catch (IdentityException useless)
        {
            return $"cluster '{options.Name}': {useless.Message}";
        }
    }

    private Task<ByteStream> DialStreamAsync(string id, CancellationToken ct) => _seeker?.Current is { } parent && _dialer is IStreamDialer streams
        ? streams.DialStreamAsync(parent.Address, id, ct)
        : throw new StreamRefusedException($"{_options.Name} has no parent to dial");

    private LateralLinks MakeLateral(PeerIdentity self, OwnLateral own, LateralDays days)
    {
        var log = _parts.Loggers.CreateLogger("Ote.Cluster.Lateral");
        var links = new LateralLinks(
            new LateralShake(_runtime, _options.Tunnel, self, ProductVersion, _dialer, above => _epochs!.Next(above), log),
            own, days, _routes, _uplink, () => LinkCost, _revocations, _runtime, log)
        {
            Take = Messages.FromAcrossAsync,
            Say = (digest, reports) => _routes.Apply(t => t.SetSelf(t.Self with { Lateral = digest, LateralLinks = reports?.ToByteString() ?? t.Self.LateralLinks })),
        };
        links.Changed += Messages.Wake;
        _routes.Changed += _ => links.Stir();
        _revocations.Changed += _ => links.Revoked();
        return links;
    }

    private async Task BeginAsync(CancellationToken cancellation)
    {
        _routes.Restore();
        _outbox.Restore();
        _transit.Restore();
        _executor.Restore();
        Messages.Restore();
        _trust.Restore(); // before what those CAs have signed
        _revocations.Restore();
        _issuing?.Restore(_routes);
        ShowTrust();
        var epochs = _epochs = _parts.Epochs ?? EpochCounter.Load(IdentityDirectory(_options.DataDirectory)); // before anybody can dial
        _identity.TrustChanged += _ => ShowTrust();
        _identity.Changed += _ => ShowTrust();
        if (_options.Listen is { } listen)
        {
            await ListenAsync(listen, cancellation).ConfigureAwait(false);
        }

        if (_seeker is null)
        {
            _uplink.Beat(epochs.Next(0));
            Run("beats", stop => BeatAsync(epochs, stop));
        }
        else
        {
            _edgeTunnel = new EdgeTunnel(
                _runtime,
                new EdgeTunnelOptions { Tunnel = _options.Tunnel },
                _identity.Current.Peer,
                _seeker,
                _dialer,
                _edgeHandler,
                new EdgeFacts
                {
                    NextEpoch = epochs.Next,
                    Tags = () => _tags.Current,
                    AdvertisedAddress = () => _routes.Self.Address is { Length: > 0 } address ? address : null,
                    Version = ProductVersion,
                    Digest = () => _routes.Digest,
                    Position = () => _uplink.Told,
                    HomeName = () => _seeker.Home.Name,
                    Revocations = () => _revocations.Current.Version,
                    Trust = () => _identity.Trust.Version,
                    Budget = () => _budget.Current,
                    BudgetRevision = () => _budget.Revision,
                    Membership = () => _identity.Current.Membership,
                });
            _edgeTunnel.Resume(_budget.Kept);
            _seeker.Redial = _edgeTunnel.Redial;
            _edgeTunnel.StatusChanged += status =>
            {
                RememberParent(status);
                StandingChanged?.Invoke();
            };

            // A link that is up goes on; a tunnel that waits may have been turned away for the former certificate.
            // One that was provisional has to show the other: the parent goes by what the link began with.
            var wasProvisional = _identity.Current.IsProvisional;
            _identity.Changed += next =>
            {
                if (_edgeTunnel.Link is null || wasProvisional)
                {
                    _edgeTunnel.Reattach("the certificate was renewed");
                }

                wasProvisional = next.IsProvisional;
            };
            _loops.Add(_edgeTunnel.RunAsync(_stop.Token));
            Run("way home", stop => _seeker.RunAsync(_dialer, stop));
            Run("link", _links!.RunAsync);
            Run("lateral links", _lateral!.RunAsync);
        }

        Run("standing", _standing.RunAsync);
        Run("routes", _routes.RunAsync);
        Run("executions", _executor.RunAsync);
        if (_local is not null)
        {
            Run("local cluster", _local.RunAsync);
        }

        Run("expiry", ExpireAsync);
        Run("certificate", _certificate.RunAsync);
        Run("messages", Messages.RelayAsync);
        Run("own messages", Messages.RepeatAsync);
        if (_commands is not null && _objects is not null)
        {
            await PublishAsync(_parts.ControlApi!, cancellation).ConfigureAwait(false);
            Run("control API", _definitions!.RunAsync);
            RunOnControlApi("command policies", _access.RunAsync);
            RunOnControlApi("message policies", _messageAccess.RunAsync);
            RunOnControlApi("commands", _commands.RunAsync);
            RunOnControlApi("cluster objects", _objects.RunAsync);
            RunOnControlApi("message objects", _messageObjects!.RunAsync);
            if (_namespaces is not null)
            {
                RunOnControlApi("namespaces", _namespaces.RunAsync);
            }

            if (_rollover is not null)
            {
                RunOnControlApi("CA rollover", _rollover.RunAsync);
            }
        }
    }

    private async Task ListenAsync(IPEndPoint listen, CancellationToken cancellation)
    {
        _cloudTunnel = new CloudTunnel(_runtime, _options.Tunnel, _options.Name, ProductVersion, _clusterHandler, _clusterHandler) { Lateral = _lateral, Streams = _live.Streams };
        var join = new JoinService(
            _identity, _desk is null ? AnswerJoinAsync : _desk.DecideAsync, _parts.Time, _parts.Loggers.CreateLogger("Ote.Cluster.Identity"));
        try
        {
            _listener = _parts.Listener is { } other
                ? await other.ListenAsync(new Door(listen, _identity, _cloudTunnel, join), cancellation).ConfigureAwait(false)
                : await TunnelListener.StartAsync(listen, _identity, _cloudTunnel, join, _parts.Loggers, cancellation, time: _parts.Time).ConfigureAwait(false);
        }
        catch (IOException taken)
        {
            throw new ClusterControllerException($"--listen: {listen} cannot be used ({taken.Message}); choose another address or end what holds it", taken);
        }

        var advertised = AdvertisedAddress.Normalize(_options.Advertise ?? _listener.EndPoint.ToString()) ?? "";
        _routes.Apply(t => t.SetSelf(t.Self with { Address = advertised }));
    }

    private Task<JoinAnswer> AnswerJoinAsync(JoinRequest request, CancellationToken ct) =>
        _issuing!.Concerns(request) ? _issuing.AnswerAsync(request, ct) : _joins.AskAsync(request, ct);

    /// <summary>Tells operators' tools how others join; the root alone does.</summary>
    private Task PublishAsync(KubeClient api, CancellationToken cancellation) => CaPin is { } pin
        ? TreePublication.PublishAsync(api, pin, _routes.Self.Address is { Length: > 0 } advertised ? advertised : _listener!.EndPoint.ToString(), cancellation)
        : Task.CompletedTask;

    /// <summary>Receipts go to the control entry they belong to: this one, or one above.</summary>
    private Task ReportAsync(IReadOnlyList<Receipt> receipts, JournalChange[] together)
    {
        var own = receipts.Where(r => r.Entry == _options.Name).ToArray();
        var above = own.Length == 0 ? receipts : [.. receipts.Where(r => r.Entry != _options.Name)];
        var tasks = new List<Task>(2);
        if (own.Length > 0 && _commands is not null)
        {
            tasks.Add(KeepAsync(own, together));
        }

        if (above.Count > 0 && _authority is null)
        {
            tasks.Add(_outbox.AddAsync(above, own.Length > 0 ? [] : together));
        }

        return tasks.Count switch { 0 => _journal.WriteAsync(together), 1 => tasks[0], _ => Task.WhenAll(tasks) };

        async Task KeepAsync(Receipt[] results, JournalChange[] changes)
        {
            await _journal.WriteAsync(changes).ConfigureAwait(false);
            await _commands.ReceiveAsync(results).ConfigureAwait(false);
        }
    }

    internal static string IdentityDirectory(string dataDirectory) => System.IO.Path.Combine(dataDirectory, "identity");

    /// <summary>What ancestors see of the exchange of the CA, and that the root has admitted this cluster.</summary>
    private void ShowTrust() => _routes.Apply(t => t.SetSelf(t.Self with
    {
        Trust = _identity.Trust.Version,
        Authority = TrustKeeper.Mark(_identity.Current.Authority),
        Membership = UnsafeByteOperations.UnsafeWrap(_identity.Current.Membership),
        Issuer = ProvisionalCertificate.Read(_identity.Current.Certificate, _identity.Trust.Authorities)?.Grant.Issuer.Name ?? "",
    }));

    /// <summary>Asks a parent, whoever it is, for the root's word of the tree's CAs; the word is believed for its signature.</summary>
    private async Task LearnTrustAsync(Uri parent, CancellationToken ct)
    {
        try
        {
            if (await new JoinDoor(_parts.Time).TrustAsync(parent, ct).ConfigureAwait(false) is { } list)
            {
                await _trust.ReceiveAsync(list).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            _log.TrustNotAsked(parent.Authority, e.GetBaseException().Message);
        }
    }

    private void RememberParent(EdgeTunnelStatus status)
    {
        if (status.Phase != EdgeTunnelPhase.Up || _edgeTunnel?.Link is not { } link || _seeker?.Current is not { } parent)
        {
            return;
        }

        try
        {
            _parents.Remember(parent.Address, link.Peer);
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            _log.ParentNotRemembered(parent.Authority, unwritable.Message);
        }
    }

    private void OnRoutesChanged(IReadOnlyList<RouteChange> changes)
    {
        // What hangs below a cluster that attached anew came along without a word of its own.
        var moved = changes.Where(c => c.Reattached).Select(c => c.Name).ToArray();
        _commands!.RoutesChanged(changes, moved.Length == 0 ? [] : _routes.Read(t => moved.SelectMany(t.Subtree).ToArray()));
    }

    /// <summary>The root's word of itself, which tells everyone below how fresh theirs is. It is kept over restarts.</summary>
    private async Task BeatAsync(EpochCounter beats, CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(_options.Tunnel.Heartbeat * HeartbeatsABeat, _parts.Time, stop).ConfigureAwait(false);
            _uplink.Beat(beats.Next(0));
        }
    }

    /// <summary>
    /// The own cluster's receipts. Its executor keeps them itself and is asked again after a restart, so a control entry here does not
    /// have it wait until they are stored: it would wait for itself when it has just sent the command.
    /// </summary>
    private async Task ReportOwnAsync(IReadOnlyList<Receipt> receipts, JournalChange[] together)
    {
        if (_commands is null || receipts.Any(r => r.Entry != _options.Name))
        {
            await ReportAsync(receipts, together).ConfigureAwait(false);
            return;
        }

        await _journal.WriteAsync(together).ConfigureAwait(false);
        _ = _commands.ReceiveAsync(receipts); // fails only when this process stops
    }

    private async Task ExpireAsync(CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(TimeSpan.FromSeconds(10), _parts.Time, stop).ConfigureAwait(false);
            await _transit.ExpireAsync().ConfigureAwait(false);
            await (_revoker?.PruneAsync() ?? Task.CompletedTask).ConfigureAwait(false);
            await (_issuing?.PruneAsync() ?? Task.CompletedTask).ConfigureAwait(false);
            _clusterHandler.CutProvisional();
        }
    }

    private void RunOnControlApi(string name, Func<CancellationToken, Task> body) => Run(name, async stop =>
    {
        await _definitions!.Known.WaitAsync(stop).ConfigureAwait(false);
        await body(stop).ConfigureAwait(false);
    });

    private void Run(string name, Func<CancellationToken, Task> body) => _loops.Add(Task.Run(() => Loop.RunAsync(
        string.Create(CultureInfo.InvariantCulture, $"{_options.Name} {name}"),
        body,
        new Backoff(BackoffOptions.Default, _parts.Random),
        TimeSpan.FromSeconds(10),
        _parts.Time,
        _log,
        _stop.Token)));
}
