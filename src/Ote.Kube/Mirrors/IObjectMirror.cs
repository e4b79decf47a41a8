namespace Ote.Kube.Mirrors;

/// <summary>
/// What clusters have reported of their objects, for those who wait until something is there. What it tells is behind the clusters, and never ahead of them.
/// Thread-safe.
/// </summary>
public interface IObjectMirror
{
    /// <summary>
    /// Raised when objects have changed, after that can be read, in the order of the changes. It is raised by whoever writes the mirror, which waits meanwhile: note the
    /// keys and return, and do not throw.
    /// </summary>
    event Action<IReadOnlyList<MirroredKey>>? Changed;

    /// <summary>Looks at one object.</summary>
    /// <param name="key">Its name and its cluster's.</param>
    /// <param name="uid">Which object of that name is asked for: <see cref="MirroredState.HasGone"/> is about it.</param>
    /// <param name="ct">Ends the wait for a turn.</param>
    /// <exception cref="IOException">The mirror cannot be read; the message says what to do.</exception>
    ValueTask<MirroredState> LookAsync(MirroredKey key, string uid, CancellationToken ct);

    /// <summary>Reads what there is of one kind of one cluster.</summary>
    /// <param name="cluster">The cluster's name in the tree.</param>
    /// <param name="kind">Plural and, behind a dot, group, as in <see cref="MirroredKey.Kind"/>.</param>
    /// <param name="most">No more objects than so many, in no order.</param>
    /// <param name="ct">Ends the wait for a turn.</param>
    /// <exception cref="IOException">The mirror cannot be read; the message says what to do.</exception>
    ValueTask<MirroredCopies> ListAsync(string cluster, string kind, int most, CancellationToken ct);
}
