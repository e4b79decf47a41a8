namespace Ote.Bench.Load;

/// <summary>One connection of the load process.</summary>
internal interface ILoadClient : IAsyncDisposable
{
    /// <summary>Connected now.</summary>
    bool IsUp { get; }

    /// <summary>Commands received so far.</summary>
    long Received { get; }

    /// <summary>Where it stands; null for clients that do not tell.</summary>
    Standing? Standing => null;

    /// <summary>Completes when connected.</summary>
    Task StartAsync(Uri server, CancellationToken ct);
}
