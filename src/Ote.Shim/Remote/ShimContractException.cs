namespace Ote.Shim.Remote;

/// <summary>Something answers at the shim's address but does not speak this contract. Trying again does not help; the message says what to do.</summary>
public sealed class ShimContractException : Exception
{
    /// <summary>With the line to show.</summary>
    public ShimContractException(string message) : base(message) { }

    /// <summary>With the line to show and the cause.</summary>
    public ShimContractException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Without a line; prefer the others.</summary>
    public ShimContractException() { }
}
