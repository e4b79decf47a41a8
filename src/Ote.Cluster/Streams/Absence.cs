namespace Ote.Cluster.Streams;

/// <summary>One watch of <see cref="Absences"/>.</summary>
internal sealed class Absence : IDisposable
{
    private readonly Absences _all;
    private readonly TimeSpan _grace;
    private readonly CancellationTokenSource _gone;

    public Absence(Absences all, string cluster, TimeSpan grace, TimeProvider time) =>
        (_all, Cluster, _grace, _gone) = (all, cluster, grace, new CancellationTokenSource(Timeout.InfiniteTimeSpan, time));

    /// <summary>Whom it watches.</summary>
    public string Cluster { get; }

    /// <summary>Fires when the cluster has been away for the whole grace.</summary>
    public CancellationToken Gone => _gone.Token;

    public void Dispose()
    {
        _all.Forget(this);
        _gone.Dispose();
    }

    internal void Begins(TimeSpan already)
    {
        if (already < _grace)
        {
            Set(_grace - already);
        }
        else
        {
            _gone.Cancel(); // nobody has asked for the token yet
        }
    }

    internal void Ends() => Set(Timeout.InfiniteTimeSpan);

    private void Set(TimeSpan after)
    {
        try
        {
            _gone.CancelAfter(after);
        }
        catch (ObjectDisposedException)
        {
            // Nobody watches any more.
        }
    }
}
