using System.Text.Json.Nodes;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>Results that wait to be stored, and whom to tell when they are.</summary>
internal sealed record PendingResults(List<Receipt> Results, TaskCompletionSource Done);

/// <summary>
/// One ClusterController object in the hands of the <see cref="CommandController"/>. Receipts come from many threads and go in under
/// the lock; everything else is the reconcile loop's, which never runs twice at once on one object.
/// </summary>
internal sealed class Work(string key, string uid)
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _again = new(StringComparer.Ordinal);
    private PendingResults _pending = NewPending();
    private bool _unsent;

    public string Key => key;

    public string Uid => uid;

    /// <summary>The generation begun or finished; 0 before the first.</summary>
    public long Generation { get; private set; }

    /// <summary>The run that is not over; null before and after.</summary>
    public CommandRun? Run { get; private set; }

    public ResultPages? Pages { get; private set; }

    /// <summary>Results of a small fan-out, for its status.</summary>
    public List<Receipt> Inline { get; } = [];

    /// <summary>The object as last written.</summary>
    public JsonObject? LastWritten { get; set; }

    /// <summary>When the status may be written next.</summary>
    public DateTimeOffset StatusDue { get; set; }

    public bool HasPending
    {
        get
        {
            lock (_gate)
            {
                return _pending.Results.Count > 0;
            }
        }
    }

    /// <summary>Whether what waits fills a page, or is all there will be: otherwise more may join it for a moment.</summary>
    public bool IsWorthStoring
    {
        get
        {
            lock (_gate)
            {
                return _pending.Results.Count >= ResultPages.MostItems || Run is not { IsOver: false };
            }
        }
    }

    public void Begin(long generation, CommandRun run, ResultPages pages)
    {
        lock (_gate)
        {
            (Generation, Run, Pages, _unsent, LastWritten) = (generation, run, pages, true, null);
            Inline.Clear();
        }
    }

    /// <summary>
    /// An edit that only wishes the run that is under way to end is taken up by that run. True when that is what it was.
    /// </summary>
    public bool TakeWish(JsonObject obj)
    {
        lock (_gate)
        {
            if (Run is not { IsOver: false } run || obj.Truth("spec", "cancel") != true)
            {
                return false;
            }

            run.Spec = run.Spec with { Cancel = true };
            Generation = obj.Generation();
            return true;
        }
    }

    /// <summary>The run is over and stored.</summary>
    public void Finish(long generation)
    {
        lock (_gate)
        {
            (Generation, Run, Pages) = (generation, null, null);
            Inline.Clear();
        }
    }

    /// <summary>The object is gone: nobody asks for results any more.</summary>
    public void Drop()
    {
        lock (_gate)
        {
            Run = null;
            _pending.Done.TrySetResult();
        }
    }

    /// <summary>Storing failed: those who wait are told, so that they send again.</summary>
    public void Fail(Exception cause)
    {
        lock (_gate)
        {
            Run = null;
            Generation = 0;
            _pending.Done.TrySetException(cause);
            _ = _pending.Done.Task.Exception;
        }
    }

    /// <summary>Takes receipts. Null when none changed anything; else the task that ends when the results among them are stored.</summary>
    public Task? Take(IReadOnlyList<Receipt> receipts)
    {
        lock (_gate)
        {
            if (Run is null)
            {
                return null;
            }

            var generation = Run.Spec.Command.Generation;
            var results = receipts.Where(r => r.Generation == generation && Run.Take(r)).ToArray();
            if (results.Length == 0)
            {
                return Task.CompletedTask;
            }

            _pending.Results.AddRange(results);
            return _pending.Done.Task;
        }
    }

    public PendingResults TakePending()
    {
        lock (_gate)
        {
            var taken = _pending;
            if (taken.Results.Count > 0)
            {
                _pending = NewPending();
            }

            return taken;
        }
    }

    /// <summary>Notes clusters that are heard of again and may lack the command. True when there are any.</summary>
    public bool Wants(IReadOnlyCollection<string> clusters)
    {
        lock (_gate)
        {
            if (Run is null || _unsent)
            {
                return false;
            }

            var before = _again.Count;
            _again.UnionWith(clusters.Where(Run.NeedsSending));
            return _again.Count > before;
        }
    }

    /// <summary>To whom to send now: to all at first, later to those who came back.</summary>
    public IReadOnlyList<ClusterSelector> TakeUnsent()
    {
        lock (_gate)
        {
            if (Run is null)
            {
                return [];
            }

            if (_unsent)
            {
                _unsent = false;
                _again.Clear();
                return Run.Open.Count() == Run.Targets ? [Run.Spec.Selector] : Names(Run.Open);
            }

            var names = Names(_again.Where(Run.NeedsSending));
            _again.Clear();
            return names;
        }
    }

    public void Sent(IReadOnlyList<string> clusters)
    {
        lock (_gate)
        {
            foreach (var cluster in clusters)
            {
                Run?.Sent(cluster);
            }
        }
    }

    private static IReadOnlyList<ClusterSelector> Names(IEnumerable<string> names) =>
        [.. names.Chunk(1000).Select(c => ClusterSelector.OfNames(c))];

    private static PendingResults NewPending() => new([], new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
