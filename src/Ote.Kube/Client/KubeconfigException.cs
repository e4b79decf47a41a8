using Ote.Flow;

namespace Ote.Kube.Client;

/// <summary>A kubeconfig file could not be used. The message names the file, the cause and the next step.</summary>
public sealed class KubeconfigException : Exception, IForOperator
{
    /// <summary>Makes the exception.</summary>
    public KubeconfigException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
