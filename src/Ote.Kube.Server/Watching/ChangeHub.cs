using System.Collections.Immutable;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Watching;

/// <summary>
/// Hands each committed change to the watchers of its kind, in commit order. Publishing never waits: a watcher whose buffer
/// is full is cut off, and its client starts again from the last revision it saw.
/// </summary>
/// <param name="published">The revision it begins after.</param>
/// <param name="failed">Told of a listener's fault, inside the commit: it must not throw.</param>
public sealed class ChangeHub(long published, Action<Change, Exception> failed) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ImmutableArray<ChangeSubscription>> _watchers = new(StringComparer.Ordinal);
    private readonly FanOut _fanOut = new(Environment.ProcessorCount);
    private readonly List<ChangeSubscription> _woken = [];
    private ImmutableArray<Action<Change>> _listeners = [];
    private long _published = published;
    private int _count;
    private bool _closed;

    /// <summary>Everything up to this revision was handed out.</summary>
    public long Published => Interlocked.Read(ref _published);

    /// <summary>Open subscriptions.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>
    /// Adds a watcher of one kind. Changes after <see cref="ChangeSubscription.From"/> come through it; those up to it are in
    /// the store.
    /// </summary>
    internal ChangeSubscription Subscribe(string resource, int buffer)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            var subscription = new ChangeSubscription(this, resource, Published, buffer);
            _watchers[resource] = _watchers.GetValueOrDefault(resource, []).Add(subscription);
            _count++;
            return subscription;
        }
    }

    /// <summary>
    /// Calls <paramref name="listener"/> on each change, inside the commit: it must only note a key and return.
    /// </summary>
    public void Listen(Action<Change> listener)
    {
        lock (_gate)
        {
            _listeners = _listeners.Add(listener);
        }
    }

    /// <summary>Hands out a commit's changes. Called by one task.</summary>
    /// <param name="changes">In order.</param>
    /// <param name="last">The revision that everything up to was handed out with this.</param>
    public void Publish(IReadOnlyList<Change> changes, long last)
    {
        lock (_gate)
        {
            foreach (var change in changes)
            {
                if (_watchers.TryGetValue(change.Key.Resource, out var watchers))
                {
                    foreach (var watcher in watchers)
                    {
                        if (watcher.Offer(change))
                        {
                            _woken.Add(watcher);
                        }
                    }
                }

                foreach (var listener in _listeners)
                {
                    Tell(listener, change);
                }
            }

            Interlocked.Exchange(ref _published, last);
            // Only now: who is woken finds all of the commit, and sends it at once.
            _fanOut.Add(_woken);
            _woken.Clear();
        }
    }

    /// <summary>
    /// Has each watcher read from the source what that has of its kind after a revision, at its own pace: for changes at once that no watcher's buffer has room for. Called by one task, in the order of
    /// revisions with <see cref="Publish"/>; listeners hear nothing of it.
    /// </summary>
    /// <param name="after">The revision before them.</param>
    /// <param name="last">Their last.</param>
    public void PublishFromSource(long after, long last)
    {
        lock (_gate)
        {
            foreach (var (resource, watchers) in _watchers)
            {
                var change = new Change(last, ChangeKind.Modified, new StoreKey(resource, "", ""), [], null) { ReadAfter = after };
                _woken.AddRange(watchers.Where(w => w.Offer(change)));
            }

            Interlocked.Exchange(ref _published, last);
            _fanOut.Add(_woken);
            _woken.Clear();
        }
    }

    /// <summary>Has the reader of a subscription run that waited for something now in it.</summary>
    internal void Wake(ChangeSubscription subscription) => _fanOut.Add(subscription);

    /// <summary>The change is durable: one listener's fault must keep it neither from the others nor from whoever wrote it.</summary>
    private void Tell(Action<Change> listener, Change change)
    {
        try
        {
            listener(change);
        }
#pragma warning disable CA1031 // See above.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            failed(change, fault);
        }
    }

    /// <summary>Takes a watcher off the list.</summary>
    internal void Unsubscribe(ChangeSubscription subscription)
    {
        lock (_gate)
        {
            if (!_watchers.TryGetValue(subscription.Resource, out var watchers) || !watchers.Contains(subscription))
            {
                return;
            }

            watchers = watchers.Remove(subscription);
            if (watchers.IsEmpty)
            {
                _watchers.Remove(subscription.Resource);
            }
            else
            {
                _watchers[subscription.Resource] = watchers;
            }

            _count--;
        }
    }

    /// <summary>Ends the watches of a kind that is no longer served.</summary>
    public void Close(string resource)
    {
        lock (_gate)
        {
            foreach (var watcher in _watchers.GetValueOrDefault(resource, []))
            {
                watcher.Close(ChangeSubscription.End.Closed);
            }
        }
    }

    /// <summary>Ends all watches.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var watcher in _watchers.Values.SelectMany(list => list))
            {
                watcher.Close(ChangeSubscription.End.Closed);
            }
        }
    }
}
