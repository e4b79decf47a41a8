using Ote.Flow;

namespace Ote.Cluster.Handling;

/// <summary>A controller cannot start as asked: one line for the operator, naming the thing, the cause and the next step.</summary>
public sealed class ClusterControllerException : Exception, IForOperator
{
    /// <summary>Makes the exception.</summary>
    public ClusterControllerException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
