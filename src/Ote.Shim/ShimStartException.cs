using Ote.Flow;

namespace Ote.Shim;

/// <summary>A shim cannot start as asked: the message is one clear line for the operator.</summary>
public sealed class ShimStartException : Exception, IForOperator
{
    /// <summary>With the line to show.</summary>
    public ShimStartException(string message) : base(message) { }

    /// <summary>With the line to show and what lies beneath.</summary>
    public ShimStartException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Without a line; prefer the others.</summary>
    public ShimStartException() { }
}
