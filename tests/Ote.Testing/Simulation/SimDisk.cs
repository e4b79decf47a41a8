using Ote.Cluster.Journal;

namespace Ote.Testing.Simulation;

/// <summary>What survives the processes of one simulated machine. Flushes take time; whatever waits while one runs shares the next.</summary>
public sealed class SimDisk(Timeline timeline, int who, Func<double> random)
{
    private readonly SortedDictionary<string, SortedDictionary<string, byte[]>> _books = new(StringComparer.Ordinal);

    /// <summary>Longest flush; zero writes at once.</summary>
    public TimeSpan Slowest { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>No write succeeds.</summary>
    public bool IsFull { get; set; }

    /// <summary>The journal of one process. <see cref="SimJournal.Die"/> ends it.</summary>
    public SimJournal Open() => new(this);

    private void Apply(JournalChange[] changes)
    {
        foreach (var change in changes)
        {
            if (!_books.TryGetValue(change.Book, out var rows))
            {
                _books[change.Book] = rows = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
            }

            if (change.Value is null)
            {
                rows.Remove(change.Key);
            }
            else
            {
                rows[change.Key] = change.Value;
            }
        }
    }

    /// <summary>One process's hold on the disk.</summary>
    public sealed class SimJournal(SimDisk disk) : IJournal
    {
        private List<(JournalChange[] Changes, TaskCompletionSource Done)> _waiting = [];
        private List<(JournalChange[] Changes, TaskCompletionSource Done)> _flushing = [];
        private bool _isFlushing;
        private bool _isDead;

        /// <inheritdoc/>
        public IReadOnlyList<JournalRow> Load(string book) =>
            disk._books.TryGetValue(book, out var rows) ? [.. rows.Select(r => new JournalRow(r.Key, r.Value))] : [];

        /// <inheritdoc/>
        public Task WriteAsync(params JournalChange[] changes)
        {
            if (changes.Length == 0)
            {
                return Task.CompletedTask;
            }

            if (disk.Slowest == TimeSpan.Zero && !_isDead && !disk.IsFull)
            {
                disk.Apply(changes);
                return Task.CompletedTask;
            }

            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!_isDead)
            {
                _waiting.Add((changes, done));
                Flush();
            }

            return done.Task; // of a dead process: never
        }

        /// <inheritdoc/>
        public Task ForgetAsync(string book, IReadOnlyCollection<string> keys)
        {
            disk.Plan(SqliteJournal.Patience, () => _ = _isDead ? Task.CompletedTask : WriteAsync([.. keys.Select(key => JournalChange.Remove(book, key))]));
            return Task.CompletedTask;
        }

        /// <summary>The process died: what was on its way to the disk is there as far as it came, in whole writes.</summary>
        public void Die()
        {
            _isDead = true;
            var came = disk.IsFull ? 0 : (int)(disk.NextRandom() * (_flushing.Count + 1));
            foreach (var (changes, _) in _flushing.Take(came))
            {
                disk.Apply(changes);
            }

            _waiting.Clear();
            _flushing.Clear();
        }

        /// <inheritdoc/>
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private void Flush()
        {
            if (_isFlushing || _waiting.Count == 0)
            {
                return;
            }

            _isFlushing = true;
            (_flushing, _waiting) = (_waiting, _flushing);
            disk.Plan(disk.Slowest * disk.NextRandom(), Flushed);
        }

        private void Flushed()
        {
            if (_isDead)
            {
                return;
            }

            foreach (var (changes, done) in _flushing)
            {
                if (disk.IsFull)
                {
                    done.SetException(new JournalException("the simulated disk is full"));
                }
                else
                {
                    disk.Apply(changes);
                    done.SetResult();
                }
            }

            _flushing.Clear();
            _isFlushing = false;
            Flush();
        }
    }

    private double NextRandom() => random();

    private void Plan(TimeSpan after, Action what) => timeline.Plan(after, who, what);
}
