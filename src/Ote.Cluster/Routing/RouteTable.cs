using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Routing;

/// <summary>
/// What one controller knows of itself and of every cluster below it, and through which direct child each is reached.
/// <para>
/// Whatever a child says is bound to its subtree: it never speaks for this cluster, for an ancestor, or for a name that another uid
/// holds behind another child. Of one uid seen behind two children the newer epoch wins, and what hangs below it moves with it; so a
/// late word from the old place changes nothing. Where proofs of membership cannot be checked, who shows the one that is known already, or comes
/// himself, is believed before who does not, whatever epoch he says. A lost child takes its whole subtree offline, visibly, but what is known of it
/// stays until it is forgotten.
/// </para>
/// Deterministic: no clock, no randomness. One owner: not thread-safe. Work is in proportion to what an event says, not to what
/// is known.
/// </summary>
public sealed class RouteTable
{
    /// <summary>Clusters that one child may announce; ten times what a tree has.</summary>
    public const int MostNames = 100_000;

    private const int MostForgotten = 10_000; // with more, all are told of anew by who still knows them
    private readonly Func<RouteEntry, bool>? _isMember;
    private readonly Func<RouteEntry, bool>? _isIssued;
    private readonly Dictionary<string, Known> _known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ChildState> _children = new(StringComparer.Ordinal);
    private readonly TagIndex _tags = new();
    private readonly Dictionary<string, (string Uid, ulong Epoch)> _forgotten = new(StringComparer.Ordinal); // and known further down, when they were last heard of
    private readonly HashSet<string> _dirty = new(StringComparer.Ordinal);
    private HashSet<string> _ancestors = new(StringComparer.Ordinal);
    private ulong _announced;

    /// <summary>Makes a table that knows its own cluster only.</summary>
    /// <param name="self">The own cluster.</param>
    /// <param name="isMember">Whether an entry shows that the root has admitted its cluster; null where nobody can tell.</param>
    /// <param name="isIssued">Whether this cluster has issued a provisional certificate to an entry's cluster; null where it issues none.</param>
    public RouteTable(RouteEntry self, Func<RouteEntry, bool>? isMember = null, Func<RouteEntry, bool>? isIssued = null)
    {
        (_isMember, _isIssued) = (isMember, isIssued);
        Self = self;
        Digest = RouteDigest.Of(self);
    }

    /// <summary>The own cluster.</summary>
    public RouteEntry Self { get; private set; }

    /// <summary>Clusters known, the own one included.</summary>
    public int Count => _known.Count + 1;

    /// <summary>Grows with each announced change of the table.</summary>
    public ulong Version { get; private set; } = 1;

    /// <summary>Order-independent digest of the own subtree, as a heartbeat carries it up.</summary>
    public ulong Digest { get; private set; }

    /// <summary>The digest the parent can know: that of the last snapshot or delta.</summary>
    public ulong AnnouncedDigest => _announced == 0 ? Digest : _announced;

    /// <summary>Every cluster below, in no order.</summary>
    public IEnumerable<RouteEntry> Below => _known.Values.Select(k => k.Entry);

    /// <summary>What is known of a cluster, the own one included; null when nothing is.</summary>
    public RouteEntry? Find(string name) => name == Self.Name ? Self : _known.TryGetValue(name, out var known) ? known.Entry : null;

    /// <summary>The direct child behind which a cluster lies; null for the own one and for unknown ones.</summary>
    public string? NextHop(string name) => _known.TryGetValue(name, out var known) ? known.Hop : null;

    /// <summary>Whether a child may speak for a cluster.</summary>
    public bool IsBehind(string name, string child) => _known.TryGetValue(name, out var known) && known.Hop == child;

    /// <summary>Whether a child has spoken for a cluster that is not behind it: it was, or is said to be.</summary>
    public bool HasClaimed(string name, string child) => _children.TryGetValue(child, out var state) && state.Shadow?.ContainsKey(name) == true;

    /// <summary>The clusters below one, in no order.</summary>
    public IReadOnlyList<string> Subtree(string name) => _known.TryGetValue(name, out var known) ? Descendants(name, known.Hop) : [];

    /// <summary>How many online clusters hang right below each of these.</summary>
    public IReadOnlyDictionary<string, int> ChildCounts(IReadOnlyCollection<string> parents)
    {
        var counts = parents.ToDictionary(p => p, _ => 0, StringComparer.Ordinal);
        if (counts.Count > 0)
        {
            foreach (var known in _known.Values.Where(k => k.Entry.Online && counts.ContainsKey(k.Entry.Parent)))
            {
                counts[known.Entry.Parent]++;
            }
        }

        return counts;
    }

    /// <summary>What hangs right below a cluster, or did when it was last heard of.</summary>
    /// <param name="parent">The cluster.</param>
    /// <param name="since">Unix milliseconds: who is away since then or later may be on the way to another parent.</param>
    public ChildrenOf ChildrenOf(string parent, long since)
    {
        var (attached, moving, away) = (0, 0, 0);
        foreach (var known in _known.Values.Where(k => k.Entry.Parent == parent && (k.Entry.Online || k.Entry.Later is null)))
        {
            _ = known.Entry.Online ? attached++ : known.Entry.Since >= since ? moving++ : away++;
        }

        return new ChildrenOf(attached, moving, away);
    }

    /// <summary>Tells the table who is above, so that nobody below can claim those names.</summary>
    public void SetAncestors(IEnumerable<string> path) => _ancestors = new HashSet<string>(path, StringComparer.Ordinal);

    /// <summary>Puts back what an earlier run knew, as offline. Before anything else happens.</summary>
    public void Restore(RouteEntry entry, string hop)
    {
        if (entry.Name == Self.Name || _known.ContainsKey(entry.Name))
        {
            return;
        }

        _children.TryAdd(hop, new ChildState());
        Put(entry with { Online = false }, hop, []);
    }

    /// <summary>Changes what the own cluster says of itself.</summary>
    public RouteStep SetSelf(RouteEntry self)
    {
        if (self == Self)
        {
            return RouteStep.None;
        }

        var before = Self;
        Digest += RouteDigest.Of(self) - RouteDigest.Of(before);
        Self = self;
        _dirty.Add(self.Name);
        return new RouteStep([new RouteChange(before, self)], []);
    }

    /// <summary>A direct child's link is up. Its own entry counts at once; what is below it follows with its snapshot.</summary>
    public RouteStep ChildAttached(RouteEntry child)
    {
        var step = new RouteStepDraft();
        var state = _children.TryGetValue(child.Name, out var known) ? known : _children[child.Name] = new ChildState();
        state.Synced = false;
        Accept(child with { Online = true, Parent = Self.Name }, child.Name, step, own: true);
        return step.Finish();
    }

    /// <summary>A direct child's link is lost: it and all behind it are offline.</summary>
    /// <param name="child">The child.</param>
    /// <param name="since">Unix milliseconds, for people.</param>
    public RouteStep ChildDetached(string child, long since)
    {
        if (!_children.TryGetValue(child, out var state))
        {
            return RouteStep.None;
        }

        state.Synced = false;
        var changes = new List<RouteChange>();
        foreach (var name in state.Names.ToArray())
        {
            var known = _known[name];
            if (known.Entry.Online)
            {
                Put(known.Entry with { Online = false, Since = since }, child, changes);
            }
        }

        return new RouteStep(changes, []);
    }

    /// <summary>A child says all it knows; what it no longer names is forgotten.</summary>
    public RouteStep SnapshotReceived(string child, Wire.RouteSnapshot snapshot)
    {
        if (!_children.TryGetValue(child, out var state))
        {
            return RouteStep.None;
        }

        if (snapshot.Entries.Count > MostNames)
        {
            return TooMany(snapshot.Entries.Count);
        }

        var step = new RouteStepDraft();
        state.Shadow = null;
        state.Announced = 0;
        foreach (var name in state.Names)
        {
            _known[name].Announced = 0;
        }

        state.Version = snapshot.Version;
        state.Synced = true;
        AnnounceAll(snapshot.Entries, child, state, step);
        var named = snapshot.Entries.Select(e => e.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in state.Names.Where(n => n != child && !named.Contains(n)).ToArray())
        {
            Withdraw(gone, step.Changes);
        }

        return step.Finish();
    }

    /// <summary>A child says what changed below it.</summary>
    public RouteStep DeltaReceived(string child, Wire.RouteDelta delta)
    {
        if (!_children.TryGetValue(child, out var state))
        {
            return RouteStep.None;
        }

        if (!state.Synced || delta.FromVersion != state.Version)
        {
            return new RouteStep([], [], true);
        }

        var held = state.Names.Count + (state.Shadow?.Count ?? 0);
        if (held + delta.Upserts.Count > MostNames && held + delta.Upserts.Count(e => !IsBehind(e.Name, child) && state.Shadow?.ContainsKey(e.Name) != true) is var all and > MostNames)
        {
            return TooMany(all);
        }

        var step = new RouteStepDraft();
        state.Version = delta.ToVersion;
        AnnounceAll(delta.Upserts, child, state, step);
        foreach (var name in delta.Removals)
        {
            Unannounce(name, child, state);
            if (name != child && IsBehind(name, child))
            {
                Withdraw(name, step.Changes);
            }
        }

        return step.Finish();
    }

    /// <summary>Whether a heartbeat's digest differs from what the child has announced since its last snapshot.</summary>
    public bool HasDrifted(string child, ulong digest) =>
        _children.TryGetValue(child, out var state) && state.Synced && digest != 0 && digest != state.Announced;

    /// <summary>One above has forgotten a cluster, as <see cref="Forget(string)"/> does: so does this one, unless it has attached again since.</summary>
    public RouteStep Forget(string name, string uid, ulong epoch) =>
        _known.TryGetValue(name, out var known) && known.Entry.Uid == uid && known.Entry.Epoch <= epoch ? Forget(name) : RouteStep.None;

    /// <summary>
    /// An operator forgets a cluster that is away, and what is known behind it. Who knows of it further down is to be told, and again whenever it tells of it as away: until it has attached anew it is not taken up.
    /// </summary>
    public RouteStep Forget(string name)
    {
        if (!_known.TryGetValue(name, out var known) || known.Entry.Online)
        {
            return RouteStep.None;
        }

        var told = new List<OutdatedLink>();
        if (known.Hop != name)
        {
            if (_forgotten.Count >= MostForgotten)
            {
                _forgotten.Clear();
            }

            _forgotten[name] = (known.Entry.Uid, known.Entry.Epoch);
            told.Add(new OutdatedLink(known.Hop, name, known.Entry.Uid, known.Entry.Epoch));
        }

        var changes = new List<RouteChange>();
        foreach (var below in Descendants(name, known.Hop))
        {
            Drop(below, changes);
        }

        Drop(name, changes);
        if (known.Hop == name)
        {
            _children.Remove(name);
        }

        return new RouteStep(changes, []) { Forgotten = told };
    }

    /// <summary>
    /// An ancestor has refused a name: it is not routed here any more, though the child that announced it may go on to. What was known before
    /// that name was believed for an exchange of the CA is put back. A direct child of that name is for its link to end.
    /// </summary>
    public RouteStep Refuse(string name, string uid)
    {
        if (!_known.TryGetValue(name, out var known) || known.Entry.Uid != uid || known.Hop == name)
        {
            return RouteStep.None;
        }

        var changes = new List<RouteChange>();
        var (teller, said) = (known.Hop, known.Announced);
        Withdraw(name, changes);
        if (said != 0)
        {
            _children[teller].Refused(name, said);
        }

        return new RouteStep(changes, []) { Ask = [.. _children.Where(c => c.Key != teller && c.Value.Shadow?.ContainsKey(name) == true).Select(c => c.Key)] };
    }

    /// <summary>
    /// One above says that a cluster has attached beyond what hangs below this controller. What is known of it stays, with that word, until it
    /// attaches here anew or is forgotten: commands wait for it, and operators' wishes. Nothing of this is announced.
    /// </summary>
    public RouteStep Moved(string name, string uid, LaterPlace later)
    {
        if (!_known.TryGetValue(name, out var known) || known.Entry.Uid != uid || known.Entry.Epoch >= later.Epoch || known.Entry.Later?.Epoch >= later.Epoch)
        {
            return RouteStep.None;
        }

        var before = known.Entry;
        known.Entry = before with { Later = later };
        return new RouteStep([new RouteChange(before, known.Entry)], []);
    }

    /// <summary>The cluster itself, or the nearest above it, that is away here because it hangs elsewhere by now; null: none.</summary>
    public RouteEntry? MovedWith(string name)
    {
        var at = Find(name);
        for (var hops = 0; hops < 64 && at is { Online: false } && at.Name != Self.Name; hops++)
        {
            if (at.Later is not null)
            {
                return at;
            }

            at = Find(at.Parent);
        }

        return null;
    }

    /// <summary>Whom a selector means, grouped by the child to send to. Children behind which nobody is meant are left out.</summary>
    public RouteResolution Resolve(ClusterSelector selector)
    {
        var groups = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var unknown = new List<string>();
        void Add(Known known)
        {
            if (!groups.TryGetValue(known.Hop, out var names))
            {
                groups[known.Hop] = names = [];
            }

            names.Add(known.Entry.Name);
        }

        if (selector.ExactNames is { } exact)
        {
            foreach (var name in exact)
            {
                if (_known.TryGetValue(name, out var known))
                {
                    Add(known);
                }
                else if (name != Self.Name)
                {
                    unknown.Add(name);
                }
            }
        }
        else
        {
            foreach (var name in _tags.Candidates(selector.Root) ?? (IEnumerable<string>)_known.Keys)
            {
                var known = _known[name];
                if (selector.Matches(name, known.Entry.Tags))
                {
                    Add(known);
                }
            }
        }

        return new RouteResolution(
            selector.Matches(Self.Name, Self.Tags),
            groups.ToDictionary(g => g.Key, g => (IReadOnlyList<string>)g.Value, StringComparer.Ordinal),
            unknown);
    }

    /// <summary>All that is known, for the parent, but for clusters this one vouches for alone. What was dirty is part of it.</summary>
    public Wire.RouteSnapshot TakeSnapshot()
    {
        Advance();
        var snapshot = new Wire.RouteSnapshot { Version = Version };
        snapshot.Entries.Add(RouteWire.ToWire(Self));
        snapshot.Entries.Add(_known.Values.Where(k => !IsWithheld(k.Entry)).Select(k => RouteWire.ToWire(k.Entry)));
        return snapshot;
    }

    /// <summary>What changed since the last snapshot or delta, for the parent.</summary>
    public bool TryTakeDelta([NotNullWhen(true)] out Wire.RouteDelta? delta)
    {
        delta = null;
        if (_dirty.Count == 0)
        {
            return false;
        }

        delta = new Wire.RouteDelta { FromVersion = Version };
        foreach (var name in _dirty)
        {
            if (Find(name) is { } entry && !IsWithheld(entry))
            {
                delta.Upserts.Add(RouteWire.ToWire(entry));
            }
            else
            {
                delta.Removals.Add(name);
            }
        }

        Advance();
        delta.ToVersion = Version;
        return true;
    }

    private void Advance()
    {
        if (_dirty.Count > 0)
        {
            Version++;
            _dirty.Clear();
        }

        _announced = Digest;
    }

    /// <summary>
    /// Takes entries in any order. One that stands before the ancestor with which it moved here is refused at first, and is read
    /// once more when the ancestor has brought it along.
    /// </summary>
    private void AnnounceAll(IEnumerable<Wire.RouteEntry> wires, string child, ChildState state, RouteStepDraft step)
    {
        List<Wire.RouteEntry>? elsewhere = null;
        foreach (var wire in wires)
        {
            if (_known.ContainsKey(wire.Name) && !IsBehind(wire.Name, child))
            {
                (elsewhere ??= []).Add(wire);
            }

            Announce(wire, child, state, step);
        }

        foreach (var wire in elsewhere?.Where(w => state.Shadow?.ContainsKey(w.Name) == true && IsBehind(w.Name, child)) ?? [])
        {
            Announce(wire, child, state, step);
        }
    }

    private void Announce(Wire.RouteEntry wire, string child, ChildState state, RouteStepDraft step)
    {
        Unannounce(wire.Name, child, state);
        var digest = RouteDigest.Of(wire);
        state.Announced += digest;
        if (!RouteWire.TryRead(wire, out var entry, out var error))
        {
            step.Errors.Add(error);
            state.Refused(wire.Name, digest);
            return;
        }

        // How a direct child has shown who it is stands since it attached; nothing it says later changes that.
        if (_known.TryGetValue(child, out var teller) && teller.Entry.Issuer.Length > 0 && entry.Name != child)
        {
            step.Verdicts.Add(Unproven(entry)); // who is not admitted itself vouches for nobody
            state.Refused(wire.Name, digest);
            return;
        }

        if (entry.Name == child)
        {
            entry = entry with { Issuer = teller?.Entry.Issuer ?? "", Membership = teller is { Entry.Issuer.Length: > 0 } ? ByteString.Empty : entry.Membership };
        }

        if (Accept(entry, child, step, own: entry.Name == child))
        {
            _known[entry.Name].Announced = digest;
        }
        else
        {
            state.Refused(wire.Name, digest);
        }
    }

    /// <summary>Takes what a child last announced of a name out of its digest.</summary>
    private void Unannounce(string name, string child, ChildState state)
    {
        if (state.Shadow is { } shadow && shadow.Remove(name, out var refused))
        {
            state.Announced -= refused;
        }
        else if (_known.TryGetValue(name, out var known) && known.Hop == child)
        {
            state.Announced -= known.Announced;
            known.Announced = 0;
        }
    }

    private bool Accept(RouteEntry entry, string child, RouteStepDraft step, bool own)
    {
        if (_ancestors.Contains(entry.Name) || (entry.Name == Self.Name && entry.Uid == Self.Uid))
        {
            // A child still tells of where a cluster was that stands above by now. It will hear of that itself.
            return false;
        }

        if (entry.Name == Self.Name)
        {
            step.Verdicts.Add(Verdict(entry, Self.Uid, $"cluster name '{entry.Name}' is held by a cluster above (uid {Self.Uid}); join under another name"));
            return false;
        }

        var isKnown = _known.TryGetValue(entry.Name, out var known);
        if (!isKnown && _forgotten.TryGetValue(entry.Name, out var former))
        {
            if (!entry.Online && entry.Uid == former.Uid && entry.Epoch <= former.Epoch)
            {
                step.Forgotten.Add(new OutdatedLink(child, entry.Name, entry.Uid, former.Epoch));
                return false;
            }

            _forgotten.Remove(entry.Name);
        }

        if (!own && !IsAdmitted(entry, known?.Entry))
        {
            step.Verdicts.Add(Unproven(entry));
            return false;
        }

        var shown = entry.Membership;
        if (shown.IsEmpty && isKnown && known!.Entry.Uid == entry.Uid)
        {
            entry = entry with { Membership = known.Entry.Membership }; // it has been shown, and holds for good
        }

        if (isKnown && known!.Hop != child)
        {
            if (known.Entry.Uid != entry.Uid)
            {
                step.Verdicts.Add(Verdict(entry, known.Entry.Uid, $"cluster name '{entry.Name}' is held by another cluster (uid {known.Entry.Uid}); join under another name"));
                return false;
            }

            var credit = Credit(shown, known.Entry, own);
            var tentative = credit < 0 && MayHaveRenewed(shown, known.Entry);
            if (credit < 0 && !tentative)
            {
                step.Verdicts.Add(Unproven(entry)); // who believes it below would never hear of it otherwise
                return false;
            }

            // The same attachment is seen behind two children when an ancestor moved: it is where the ancestor is.
            if (credit <= 0 && (entry.Epoch < known.Entry.Epoch || (entry.Epoch == known.Entry.Epoch && !own && (known.Entry.Online || !IsBehind(entry.Parent, child)))))
            {
                if (entry.Online && IsOlder(entry, known.Entry))
                {
                    step.Outdated.Add(new OutdatedLink(child, entry.Name, entry.Uid, known.Entry.Epoch));
                }
                else if (!entry.Online && entry.Epoch < known.Entry.Epoch)
                {
                    step.Moved.Add(new MovedCluster(child, entry.Name, entry.Uid, PlaceOf(known.Entry)));
                }

                return false;
            }

            if (known.Entry.Online && IsOlder(known.Entry, entry) && !tentative)
            {
                step.Outdated.Add(new OutdatedLink(known.Hop, entry.Name, entry.Uid, entry.Epoch));
            }
            else if (!known.Entry.Online && known.Entry.Epoch < entry.Epoch && !tentative && known.Hop != entry.Name)
            {
                step.Moved.Add(new MovedCluster(known.Hop, entry.Name, entry.Uid, PlaceOf(entry)));
            }

            // What hangs below it comes along; but not on a word that may be taken back: there each shows its own proof.
            foreach (var below in tentative ? [] : Descendants(entry.Name, known.Hop))
            {
                Move(below, child);
            }

            known.Former = tentative ? known.Former ?? (known.Entry, known.Hop) : null;
            Move(entry.Name, child);
        }
        else if (own && known is not null && known.Entry.Uid == entry.Uid && entry.Epoch < known.Entry.Epoch)
        {
            // Of what lies behind it the child has decided already; only its own attachments can be late here.
            return false;
        }

        if (isKnown && known!.Entry is { Later: { } later } && known.Entry.Uid == entry.Uid && entry.Epoch <= later.Epoch)
        {
            entry = entry with { Later = later }; // the child tells once more of what it is about to hear itself
        }

        Put(entry, child, step.Changes);
        return true;
    }

    private static LaterPlace PlaceOf(RouteEntry entry) => new(entry.Parent, entry.Epoch);

    // Two attachments of one epoch are those of a data directory that runs twice.
    private static bool IsOlder(RouteEntry one, RouteEntry other) => one.Epoch < other.Epoch || (one.Epoch == other.Epoch && one.Parent != other.Parent);

    // What was known before there were proofs goes on without, until it shows its first.
    private bool IsAdmitted(RouteEntry entry, RouteEntry? known) => entry.Issuer.Length > 0
        ? _isMember is null && known is not { Membership.IsEmpty: false } && (entry.Issuer == Self.Name ? _isIssued?.Invoke(entry) == true : _ancestors.Contains(entry.Issuer))
        : _isMember is null || _isMember(entry) || (entry.Membership.IsEmpty && known is { Membership.IsEmpty: true } && known.Uid == entry.Uid);

    /// <summary>
    /// Of one cluster seen behind two children: above 0 when the new word is to be believed whatever its epoch, below 0 when it is not; 0 when
    /// the epoch decides. The root has checked both.
    /// </summary>
    private int Credit(ByteString shown, RouteEntry known, bool own) =>
        _isMember is not null || shown.Equals(known.Membership) ? 0
        : known.Membership.IsEmpty ? 1
        : !own ? -1
        : shown.IsEmpty ? 0
        : 1; // its certificate has shown who it is

    /// <summary>
    /// A cluster has one proof of each CA. One that is away and was not here since the CA was exchanged (this cluster has a certificate of the next
    /// already) may come back below another with the next proof. There is no route that this could take from it; if the root does not take that
    /// proof, <see cref="Refuse"/> puts back what was known.
    /// </summary>
    private bool MayHaveRenewed(ByteString shown, RouteEntry known) => !known.Online && !shown.IsEmpty && known.Authority != Self.Authority;

    private static RouteStep TooMany(int names) => new([], []) { Excess = $"{names} clusters announced over one link; at most {MostNames} can be" };

    private static Wire.NameVerdict Unproven(RouteEntry entry) => Verdict(
        entry, "", $"cluster '{entry.Name}' (uid {entry.Uid}) shows no proof that the root has admitted it; update the controllers between it and the root, restart it, or join it with a token");

    private static Wire.NameVerdict Verdict(RouteEntry loser, string winner, string text) =>
        new() { Name = loser.Name, Uid = loser.Uid, WinnerUid = winner, Text = text };

    private void Move(string name, string to)
    {
        var known = _known[name];
        if (_children.TryGetValue(known.Hop, out var from))
        {
            from.Names.Remove(name);
            if (known.Announced != 0)
            {
                from.Refused(name, known.Announced);
                known.Announced = 0;
            }
        }

        known.Hop = to;
        _children[to].Names.Add(name);
    }

    private List<string> Descendants(string name, string hop)
    {
        var found = new List<string>();
        if (!_children.TryGetValue(hop, out var state) || (hop == name && state.Names.Count == 1))
        {
            return found;
        }

        var byParent = state.Names.ToLookup(n => _known[n].Entry.Parent, StringComparer.Ordinal);
        var next = new Queue<string>([name]);
        var seen = new HashSet<string>(StringComparer.Ordinal) { name };
        while (next.TryDequeue(out var parent))
        {
            foreach (var below in byParent[parent].Where(seen.Add))
            {
                found.Add(below);
                next.Enqueue(below);
            }
        }

        return found;
    }

    private void Put(RouteEntry entry, string hop, List<RouteChange> changes)
    {
        RouteEntry? before = null;
        if (_known.TryGetValue(entry.Name, out var known))
        {
            before = known.Entry;
            if (before == entry)
            {
                return;
            }

            Digest -= DigestOf(before);
            _tags.Remove(before);
            known.Entry = entry;
        }
        else
        {
            _known[entry.Name] = new Known { Entry = entry, Hop = hop };
            _children[hop].Names.Add(entry.Name);
        }

        Digest += DigestOf(entry);
        _tags.Add(entry);
        _dirty.Add(entry.Name);
        changes.Add(new RouteChange(before, entry));
    }

    private void Drop(string name, List<RouteChange> changes)
    {
        if (!_known.Remove(name, out var known))
        {
            return;
        }

        Digest -= DigestOf(known.Entry);
        _tags.Remove(known.Entry);
        _children[known.Hop].Names.Remove(name);
        _dirty.Add(name);
        changes.Add(new RouteChange(known.Entry, null));
    }

    /// <summary>A word does not hold any more: what was known before it is known again, if it was one that might be taken back.</summary>
    private void Withdraw(string name, List<RouteChange> changes)
    {
        var known = _known[name];
        if (known.Former is not { } former || !_children.ContainsKey(former.Hop))
        {
            Drop(name, changes);
            return;
        }

        known.Former = null;
        Move(name, former.Hop);
        Put(former.Entry, former.Hop, changes);
    }

    private bool IsWithheld(RouteEntry entry) => entry.Issuer.Length > 0 && entry.Issuer == Self.Name;

    private ulong DigestOf(RouteEntry entry) => IsWithheld(entry) ? 0 : RouteDigest.Of(entry);

    private sealed class Known
    {
        public required RouteEntry Entry { get; set; }

        public required string Hop { get; set; }

        /// <summary>What was known before a word was believed that an ancestor may yet refuse; null when nothing was.</summary>
        public (RouteEntry Entry, string Hop)? Former { get; set; }

        /// <summary>Digest of the entry as the child at the hop announced it; 0: not since its last snapshot.</summary>
        public ulong Announced { get; set; }
    }

    private sealed class ChildState
    {
        /// <summary>Clusters that are reached through this child.</summary>
        public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

        /// <summary>What it announced that does not stand in the table as its own; so its digest can still be compared.</summary>
        public Dictionary<string, ulong>? Shadow { get; set; }

        public ulong Version { get; set; }

        public ulong Announced { get; set; }

        public bool Synced { get; set; }

        public void Refused(string name, ulong digest) => (Shadow ??= new Dictionary<string, ulong>(StringComparer.Ordinal))[name] = digest;
    }
}
