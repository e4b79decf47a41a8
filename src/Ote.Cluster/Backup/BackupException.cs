namespace Ote.Cluster.Backup;

/// <summary>A backup is of no use, or a place to restore it to is not. The message says why and what to do.</summary>
public sealed class BackupException : Exception
{
    /// <summary>Makes the exception.</summary>
    public BackupException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
