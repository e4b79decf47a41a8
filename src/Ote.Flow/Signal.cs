using System.Threading.Tasks.Sources;

namespace Ote.Flow;

/// <summary>
/// Word that there is something to do. Set any number of times before it is heard, it wakes the wait once; set again after that, the next. Whoever
/// wakes looks at everything, so a word that comes while one is out adds nothing. Anyone may set it, from any thread, which never throws and
/// never waits; one waits at a time. A wait allocates next to nothing: every controller has half a dozen of them that hardly ever end.
/// </summary>
public sealed class Signal : IValueTaskSource
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _wait = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _giveUp;
    private CancellationToken _cancellation;
    private State _state;

    private enum State
    {
        Quiet,
        Out,
        Waiting,

        // The wait has ended and who waited does not run yet.
        Handed,
    }

    /// <summary>Gives the word, if it is not out already.</summary>
    public void Set()
    {
        lock (_gate)
        {
            if (_state == State.Quiet)
            {
                _state = State.Out;
            }

            if (_state != State.Waiting)
            {
                return;
            }

            _state = State.Handed;
        }

        _wait.SetResult(true);
    }

    /// <summary>Waits for the word and takes it.</summary>
    /// <param name="cancellation">Gives up; the word stays for the next.</param>
    /// <exception cref="InvalidOperationException">Another waits already.</exception>
    public ValueTask WaitAsync(CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellation);
        }

        lock (_gate)
        {
            if (_state is State.Waiting or State.Handed)
            {
                throw new InvalidOperationException("only one can wait for a signal at a time");
            }

            if (_state == State.Out)
            {
                _state = State.Quiet;
                return ValueTask.CompletedTask;
            }

            _wait.Reset();
            (_state, _cancellation) = (State.Waiting, cancellation);
        }

        // Read by who takes the end of this wait, and that comes after it is returned.
        _giveUp = cancellation.UnsafeRegister(static (signal, token) => ((Signal)signal!).GiveUp(token), this);
        return new ValueTask(this, _wait.Version);
    }

    /// <summary>Takes the word if it is out.</summary>
    public bool TryTake()
    {
        lock (_gate)
        {
            if (_state != State.Out)
            {
                return false;
            }

            _state = State.Quiet;
            return true;
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        _giveUp.Unregister();
        lock (_gate)
        {
            // Before the waiter goes on: what is set from here on is news to it, what was set until now it will see.
            _state = State.Quiet;
        }

        _wait.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);

    private void GiveUp(CancellationToken token)
    {
        lock (_gate)
        {
            if (_state != State.Waiting || _cancellation != token)
            {
                return; // it came too late, and another may wait by now
            }

            _state = State.Handed;
        }

        _wait.SetException(new OperationCanceledException(token));
    }
}
