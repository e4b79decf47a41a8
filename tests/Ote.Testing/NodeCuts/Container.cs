namespace Ote.Testing.NodeCuts;

/// <summary>A container, of which each pod has one.</summary>
/// <param name="Id">Grows with each that was started.</param>
/// <param name="Pod">Its pod, <c>namespace/name</c>.</param>
/// <param name="Hash">Of what of the pod's spec it was made of.</param>
/// <param name="Ip">The pod's address.</param>
/// <param name="Restarts">How often the pod's container was started before.</param>
/// <param name="Started">When.</param>
internal sealed record Container(int Id, string Pod, string Hash, string Ip, int Restarts, DateTimeOffset Started)
{
    /// <summary>How it ended; null: it runs.</summary>
    public ContainerEnd? End { get; init; }
}
