namespace Ote.Testing.Simulation;

/// <summary>
/// Runs a simulation on a thread pool of one thread, so that all code in it, whatever tasks it starts, runs in one order that depends on
/// nothing but the seed: the next thing of the timeline happens when everything before it has run to a halt.
/// </summary>
/// <remarks>The shipped code is not told: its continuations go to the thread pool as in production.</remarks>
public sealed class Turns : IThreadPoolWorkItem
{
    // What does not come to rest in so many turns at one moment never will.
    private const int Restless = 20_000_000;
    private readonly Timeline _timeline;
    private readonly Action _afterEach;
    private readonly ManualResetEventSlim _over = new();
    private Func<Task> _scenario;
    private Task? _running;
    private Exception? _failure;
    private int _turns;

    private Turns(Timeline timeline, Func<Task> scenario, Action afterEach) => (_timeline, _scenario, _afterEach) = (timeline, scenario, afterEach);

    /// <summary>Environment variables a process must be started with to simulate.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["DOTNET_PROCESSOR_COUNT"] = "1",
        ["DOTNET_ThreadPool_ForceMinWorkerThreads"] = "1",
        ["DOTNET_ThreadPool_ForceMaxWorkerThreads"] = "1",
    };

    /// <summary>Whether this process was started so.</summary>
    public static bool AreInForce
    {
        get
        {
            ThreadPool.GetMaxThreads(out var workers, out _);
            return workers == 1 && System.Environment.ProcessorCount == 1;
        }
    }

    /// <summary>Runs a scenario to its end; blocks the caller, which must not be a thread of the pool.</summary>
    /// <param name="timeline">Time.</param>
    /// <param name="scenario">What waits for virtual time only.</param>
    /// <param name="afterEach">Called when all is at rest after each thing that happened; what it throws ends the run.</param>
    /// <exception cref="InvalidOperationException">The pool has more than one thread, nothing is left to happen, or there is no end to what happens at one moment.</exception>
    public static void Run(Timeline timeline, Func<Task> scenario, Action afterEach)
    {
        if (!AreInForce)
        {
            throw new InvalidOperationException($"a simulation needs a process with one thread in its pool: start it with {string.Join(' ', Environment.Select(e => $"{e.Key}={e.Value}"))}");
        }

        var turns = new Turns(timeline, scenario, afterEach);
        ThreadPool.UnsafeQueueUserWorkItem(turns, preferLocal: false);
        turns._over.Wait();
        if (turns._failure is { } failure)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            if (!Turn())
            {
                _over.Set();
                return;
            }
        }
#pragma warning disable CA1031 // Told to who waits.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _failure = failure;
            _over.Set();
            return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private bool Turn()
    {
        if (_running is null)
        {
            _running = _scenario();
            _scenario = null!;
            return true;
        }

        if (ThreadPool.PendingWorkItemCount > 0)
        {
            return ++_turns < Restless ? true : throw new InvalidOperationException($"no rest at {_timeline.Elapsed}: something goes on and on without waiting");
        }

        _turns = 0;
        _afterEach();
        if (_running.IsCompleted)
        {
            _running.GetAwaiter().GetResult();
            return false;
        }

        return _timeline.Fire() ? true : throw new InvalidOperationException($"nothing is left to happen at {_timeline.Elapsed}, and the scenario waits");
    }
}
