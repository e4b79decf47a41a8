namespace Ote.Cluster.Lateral;

/// <summary>The peer refused a lateral link.</summary>
/// <param name="message">Why.</param>
/// <param name="wait">When to come again at the earliest; null: whenever.</param>
internal sealed class LateralRefusedException(string message, TimeSpan? wait) : IOException(message)
{
    /// <summary>When to come again at the earliest; null: whenever.</summary>
    public TimeSpan? Wait => wait;
}
