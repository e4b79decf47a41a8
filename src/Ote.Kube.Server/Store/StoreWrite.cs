namespace Ote.Kube.Server.Store;

/// <summary>One change to one key.</summary>
public sealed record StoreWrite
{
    /// <summary>Whose object.</summary>
    public required StoreKey Key { get; init; }

    /// <summary>The revision the key must be at; 0 means that it must not exist.</summary>
    public required long Expected { get; init; }

    /// <summary>True when the key ceases to exist; <see cref="Value"/> is then its last state.</summary>
    public bool Delete { get; init; }

    /// <summary>The object, with a place for the revision it is about to get.</summary>
    public required EncodedObject Value { get; init; }

    /// <summary>The stored JSON at <see cref="Expected"/>, for watchers that select by label; null on create.</summary>
    public byte[]? Previous { get; init; }

    /// <summary>Uids of the owners; null when they did not change with this write.</summary>
    public IReadOnlyList<string>? Owners { get; init; }
}

/// <summary>How a write ended.</summary>
public enum WriteOutcome
{
    /// <summary>It is durable.</summary>
    Committed,

    /// <summary>The key was not at the expected revision; <see cref="WriteResult.Revision"/> is where it is (0: absent).</summary>
    Conflict,
}

/// <summary>The end of a write: durable when <see cref="WriteOutcome.Committed"/>.</summary>
public readonly record struct WriteResult(WriteOutcome Outcome, long Revision, byte[] Json);

/// <summary>The revision asked for is no longer in the log. Start over from a list.</summary>
/// <param name="asked">What was asked for.</param>
/// <param name="oldest">What is kept.</param>
public sealed class RevisionExpiredException(long asked, long oldest)
    : Exception($"revision {asked} is no longer kept, the oldest is {oldest}")
{
    /// <summary>The revision asked for.</summary>
    public long Asked => asked;

    /// <summary>The oldest that is kept.</summary>
    public long Oldest => oldest;
}

/// <summary>The store refuses more work: its queue is full or it is closing. Nothing was written.</summary>
internal sealed class StoreBusyException(string message) : Exception(message);

/// <summary>A host's store refuses a write, of which nothing is in lists, watches or answers. The request is answered so, and the server logs nothing: the host has.</summary>
/// <param name="code">HTTP status code.</param>
/// <param name="reason">The machine word.</param>
/// <param name="message">What, why, and the next step.</param>
/// <param name="inner">What was met first.</param>
public sealed class StoreRefusedException(int code, string reason, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>HTTP status code.</summary>
    public int Code => code;

    /// <summary>The machine word, such as <c>InsufficientStorage</c>.</summary>
    public string Reason => reason;
}
