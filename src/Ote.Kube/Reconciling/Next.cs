namespace Ote.Kube.Reconciling;

/// <summary>What a reconcile wants to happen next.</summary>
/// <param name="Delay">Run again after this long; null: only when something changes.</param>
public readonly record struct Next(TimeSpan? Delay)
{
    /// <summary>Nothing until the object changes.</summary>
    public static Next Done { get; }

    /// <summary>Again after a while, whatever happens.</summary>
    public static Next After(TimeSpan delay) => new(delay);
}
