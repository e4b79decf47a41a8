using Ote.Cluster.Commands;
using Ote.Kube.Mirrors;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Observing;

/// <summary>
/// Which targets of one run were observed, and which are looked for. What the mirror tells may come from any thread; everything else is the reconcile loop's, which
/// never runs twice at once on one command.
/// </summary>
/// <param name="id">Of the command, as it is queued.</param>
/// <param name="request">The object it changes.</param>
/// <param name="book">Where it is noted what is waited for.</param>
/// <param name="pages">Where it is stored who was observed.</param>
/// <param name="targets">How many targets the run has.</param>
internal sealed class Observation(string id, ObservedRequest request, ObservationBook book, ObservedPages pages, int targets)
{
    /// <summary>How long after its answer a cluster that reports no such kind may begin to.</summary>
    public static readonly TimeSpan KindPatience = TimeSpan.FromMinutes(1);

    /// <summary>How long after the end of the command is looked for its effects at least, however short its deadline.</summary>
    public static readonly TimeSpan Least = TimeSpan.FromMinutes(10);

    /// <summary>How long after the end of the command at most, however long its deadline.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);
    private const int MostSilent = 3;
    private readonly SortedSet<string> _silent = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly Dictionary<MirroredKey, Expectation> _expected = [];
    private readonly Dictionary<string, DateTimeOffset> _seen = new(StringComparer.Ordinal); // of small fan-outs
    private HashSet<MirroredKey> _heard = [];
    private DateTimeOffset? _kindsDue;
    private DateTimeOffset? _pagesDue;
    private DateTimeOffset? _pausedUntil;

    /// <summary>Of the command, as it is queued.</summary>
    public string Id => id;

    public ObservedPages Pages => pages;

    /// <summary>How many targets were observed, and are stored as such.</summary>
    public int Count { get; set; }

    /// <summary>When each was observed, of a small fan-out.</summary>
    public IReadOnlyDictionary<string, DateTimeOffset> Seen => _seen;

    /// <summary>Until when is looked; null while the command is not over.</summary>
    public DateTimeOffset? Until { get; private set; }

    /// <summary>Nobody is looked for any more, and nobody will be.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The command is over: from now on time is limited.</summary>
    /// <param name="deadline">The command's.</param>
    /// <param name="over">When it was over.</param>
    public void CommandOver(DateTimeOffset deadline, DateTimeOffset over)
    {
        Until ??= deadline < over + Least ? over + Least : deadline > over + Longest ? over + Longest : deadline;
        Settle();
    }

    /// <summary>A target has answered: what it says it has done is looked for from now on. Nothing is when it failed, or does not say it.</summary>
    public void Answered(Receipt result, DateTimeOffset now)
    {
        if (IsOver || result is not { Error: "", Code: >= 200 and < 300, Stage: Stage.Executed or Stage.Observed } || _seen.ContainsKey(result.Cluster)
            || Expectation.Of(request, result.Cluster, result.Body.Span) is not { } expected || _expected.ContainsKey(expected.Key))
        {
            return;
        }

        if (!book.TryAdd(expected.Key, this))
        {
            _pagesDue ??= now + Pause;
            return;
        }

        _expected.Add(expected.Key, expected);
        _kindsDue ??= now + KindPatience;
        Hear(expected.Key); // it may be there already
    }

    /// <summary>Some of the targets whose shims do not report, as many as a message names.</summary>
    public IReadOnlyCollection<string> Silent => _silent;

    /// <summary>A target has answered whose shim does not report.</summary>
    public void CannotKnow(string cluster)
    {
        if (_silent.Count < MostSilent)
        {
            _silent.Add(cluster);
        }
    }

    /// <summary>The mirror has something new of an object. True when it is the first since <see cref="TakeHeard"/>.</summary>
    public bool Hear(MirroredKey key)
    {
        lock (_gate)
        {
            return _heard.Add(key) && _heard.Count == 1;
        }
    }

    /// <summary>What is to be looked at now.</summary>
    /// <param name="now">The time.</param>
    /// <param name="kindsDue">Whether who reports no such kind has had its time.</param>
    public IReadOnlyList<Expectation> TakeHeard(DateTimeOffset now, out bool kindsDue)
    {
        HashSet<MirroredKey> heard;
        lock (_gate)
        {
            (heard, _heard) = (_heard, []);
        }

        kindsDue = _kindsDue <= now;
        if (kindsDue)
        {
            _kindsDue = null;
            return [.. _expected.Values];
        }

        return [.. heard.Select(key => _expected.GetValueOrDefault(key)).OfType<Expectation>()];
    }

    /// <summary>Whether what the pages say is not known for certain: after a restart, and while something is stored.</summary>
    public bool IsUncertain { get; set; }

    /// <summary>Whether the pages are to be read now.</summary>
    public bool ReadsPages(DateTimeOffset now) => IsUncertain || _pagesDue <= now;

    /// <summary>The pages were read, and say that these were observed: nobody looks for them any more. What else they say comes now.</summary>
    public void Read(IReadOnlyDictionary<string, DateTimeOffset> observed)
    {
        (_pagesDue, IsUncertain, Count) = (null, false, 0);
        foreach (var expected in _expected.Values.Where(e => observed.ContainsKey(e.Key.Cluster)).ToArray())
        {
            Drop(expected);
        }

        foreach (var (cluster, at) in observed)
        {
            Observed(cluster, at);
        }
    }

    /// <summary>Looking, or storing what was seen, has failed: the same again in a while.</summary>
    public void Failed(IEnumerable<Expectation> looked, DateTimeOffset now)
    {
        foreach (var expected in looked)
        {
            Hear(expected.Key);
        }

        _pausedUntil = now + Pause;
    }

    /// <summary>Whether something has failed just now, so that it is not tried yet.</summary>
    public bool IsPaused(DateTimeOffset now) => _pausedUntil > now;

    /// <summary>A target is stored as observed.</summary>
    public void Observed(string cluster, DateTimeOffset at)
    {
        Count++;
        if (targets <= CommandStatus.MostInline)
        {
            _seen[cluster] = at;
        }
    }

    /// <summary>It is not looked for any more.</summary>
    public void Drop(Expectation expected)
    {
        if (_expected.Remove(expected.Key))
        {
            book.Remove(expected.Key, this);
        }
    }

    /// <summary>Ends it if there is nothing to look for any more, or no time.</summary>
    public void Settle(DateTimeOffset? now = null)
    {
        if (Until is { } until && (until <= now || (_expected.Count == 0 && _pagesDue is null && !IsUncertain)))
        {
            End();
        }
    }

    /// <summary>Nobody asks any more.</summary>
    public void End()
    {
        IsOver = true;
        foreach (var key in _expected.Keys)
        {
            book.Remove(key, this);
        }

        _expected.Clear();
    }

    /// <summary>How long from now there is something to do; null: when the mirror says so.</summary>
    public TimeSpan? Wait(DateTimeOffset now)
    {
        if (IsOver)
        {
            return null;
        }

        bool heard;
        lock (_gate)
        {
            heard = _heard.Count > 0;
        }

        DateTimeOffset?[] works = [heard ? now + Gathering : null, _kindsDue, IsUncertain ? now : _pagesDue];
        var next = works.Min() is { } work && _pausedUntil > work ? _pausedUntil : works.Min();
        var due = Until is { } until && !(next < until) ? until : next;
        return due is { } at ? at > now ? at - now : TimeSpan.Zero : null;
    }
}
