using Ote.Kube.Mirrors;

namespace Ote.Cluster.Observing;

/// <summary>What the mirror is to have before a target's command counts as observed. Immutable.</summary>
/// <param name="Key">The object.</param>
/// <param name="Uid">Its uid: another of the same name is another object.</param>
/// <param name="ResourceVersion">The cluster's, of the state that the command made; empty when the answer to a deletion has none.</param>
/// <param name="IsGone">It is to be gone.</param>
internal sealed record Expectation(MirroredKey Key, string Uid, string ResourceVersion, bool IsGone)
{
    /// <summary>Reads a cluster's answer; null when it does not say which object came to be how.</summary>
    public static Expectation? Of(ObservedRequest request, string cluster, ReadOnlySpan<byte> answer)
    {
        var about = AnsweredObject.Read(answer);
        var name = request.Name ?? about.Name;
        return string.IsNullOrEmpty(name) || string.IsNullOrEmpty(about.Uid) || (!request.Deletes && string.IsNullOrEmpty(about.ResourceVersion))
            ? null
            : new Expectation(new MirroredKey(cluster, request.Kind, request.Namespace, name), about.Uid, about.ResourceVersion ?? "", request.Deletes);
    }

    /// <summary>Whether the mirror has the object in the state that the command made or a later one; that it is gone is later than any.</summary>
    public bool IsMetBy(MirroredState state) => !(IsGone && state.Uid == Uid) && (state.HasGone || IsReachedBy(state));

    /// <summary>
    /// Versions of one kind at one cluster can be compared, as Kubernetes says since 1.35 (KEP-5504); of a server whose versions are no numbers only the very state counts.
    /// An object that has taken the name since is of a later state too.
    /// </summary>
    private bool IsReachedBy(MirroredState state) =>
        ResourceVersion.Length > 0 && state.ResourceVersion is { } there && (there == ResourceVersion ? state.Uid == Uid : IsNumber(there) && IsNumber(ResourceVersion) && IsGreater(there, ResourceVersion));

    private static bool IsNumber(string version) => version.Length > 0 && version[0] != '0' && version.All(char.IsAsciiDigit);

    private static bool IsGreater(string one, string other) => one.Length != other.Length ? one.Length > other.Length : string.CompareOrdinal(one, other) > 0;
}
