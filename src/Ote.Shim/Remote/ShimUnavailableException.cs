namespace Ote.Shim.Remote;

/// <summary>
/// The shim process cannot be reached (not: the cluster behind it). The controller keeps the request and sends it again when the shim is back.
/// </summary>
public sealed class ShimUnavailableException : Exception
{
    /// <summary>With the line to show, whether the request may have reached the shim, and the cause.</summary>
    public ShimUnavailableException(string message, bool mayHaveRun, Exception? inner) : base(message, inner) => MayHaveRun = mayHaveRun;

    /// <summary>With the line to show; counts as possibly run.</summary>
    public ShimUnavailableException(string message) : this(message, mayHaveRun: true, null) { }

    /// <summary>With the line to show and the cause; counts as possibly run.</summary>
    public ShimUnavailableException(string message, Exception inner) : this(message, mayHaveRun: true, inner) { }

    /// <summary>Without a line; prefer the others.</summary>
    public ShimUnavailableException() : this("the shim cannot be reached") { }

    /// <summary>False only when the request surely never reached the shim. When true, the next attempt is a replay.</summary>
    public bool MayHaveRun { get; }
}
