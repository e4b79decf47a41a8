namespace Ote.Flow;

/// <summary>
/// Word that there is something to do. Set any number of times before it is heard, it wakes one wait, once; set again after that, the next. Whoever
/// wakes looks at everything, so a word that comes while one is out adds nothing. Thread-safe; setting never throws and never waits.
/// </summary>
public sealed class Signal
{
    // Holds one while the word is out. Released only by who finds that it is not, so it never overflows.
    private readonly SemaphoreSlim _word = new(0, 1);
    private int _isOut;

    /// <summary>Gives the word, if it is not out already.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref _isOut, 1) == 0)
        {
            _word.Release();
        }
    }

    /// <summary>Waits for the word and takes it. Of several waits each word ends one.</summary>
    /// <param name="cancellation">Gives up; the word stays for the next.</param>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        await _word.WaitAsync(cancellation).ConfigureAwait(false);
        Taken();
    }

    /// <summary>Takes the word if it is out.</summary>
    public bool TryTake()
    {
        if (!_word.Wait(0, CancellationToken.None))
        {
            return false;
        }

        Taken();
        return true;
    }

    /// <summary>Before the waiter goes on: what is set from here on is news to it, what was set until now it will see.</summary>
    private void Taken() => Interlocked.Exchange(ref _isOut, 0);
}
