using Microsoft.Extensions.Logging;

namespace Ote.EdgeHub.Upstream;

/// <summary>What is known of one API server. Within the lock of <see cref="UpstreamServers"/>.</summary>
/// <param name="address">Where it is.</param>
internal sealed class UpstreamServer(Uri address)
{
    private ServerHealth _health = ServerHealth.Unknown;
    private string? _cause;

    // One for each time that it is up. Nothing that needs disposing: no timer, no wait handle.
    private CancellationTokenSource _left = new();

    /// <summary>Where it is.</summary>
    public Uri Address => address;

    /// <summary>Whether it is up.</summary>
    public bool IsUp => _health.IsUp;

    /// <summary>Whether it was asked once.</summary>
    public bool IsJudged { get; private set; }

    /// <summary>Whether it is none of the cluster's any more.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Requests under way there.</summary>
    public int Pending { get; set; }

    /// <summary>Cancelled when it is left.</summary>
    public CancellationToken Left => _left.Token;

    /// <summary>What counts of it for a request.</summary>
    /// <param name="failed">The server that has just failed that request; null: none.</param>
    public Candidate For(Uri? failed) => new(IsUp && address != failed, IsLeaving, _health.Streak > 0, Pending);

    /// <summary>Takes in what became of a probe or a request, and logs what changes by it.</summary>
    /// <returns>Whom to tell, outside of the lock, that it is left; null: it is not.</returns>
    public CancellationTokenSource? Judge(Func<ServerHealth, ServerHealth> outcome, string? cause, ILogger log)
    {
        var was = IsUp;
        IsJudged = true;
        _health = outcome(_health);
        if (was == IsUp)
        {
            if (!was && cause is not null && cause != _cause)
            {
                log.ServerNotUp(address, cause); // once for each cause: it is asked again every few seconds
                _cause = cause;
            }

            return null;
        }

        _cause = cause;
        if (!was)
        {
            log.ServerUp(address);
            return null;
        }

        log.ServerLeft(address, cause ?? "it does not answer");
        var left = _left;
        _left = new CancellationTokenSource();
        return left;
    }
}
