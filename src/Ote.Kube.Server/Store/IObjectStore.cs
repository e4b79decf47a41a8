namespace Ote.Kube.Server.Store;

/// <summary>Where objects are read, watched and written: the server's own log, or what a host keeps. Thread-safe.</summary>
public interface IObjectStore : IObjectSource
{
    /// <summary>The least generation an object may get that changes: more than a server this store was restored from can have given. 0 where it began.</summary>
    long LeastGeneration => 0;

    /// <summary>Completes when the write is durable or refused. Once begun it is not taken back, so there is no token.</summary>
    /// <exception cref="Exception">Nothing was stored, and nobody was told of it.</exception>
    Task<WriteResult> WriteAsync(StoreWrite write);
}
