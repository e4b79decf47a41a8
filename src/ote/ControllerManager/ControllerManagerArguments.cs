using System.Net;
using Ote.Mirror.Applying;
using Ote.Roles.ClusterController;

namespace Ote.Roles.ControllerManager;

/// <summary>The command line of <c>ote controller-manager</c>, read.</summary>
internal sealed record ControllerManagerArguments
{
    public required string DataDirectory { get; init; }

    /// <summary>Of the real cluster.</summary>
    public required string Kubeconfig { get; init; }

    /// <summary>Where the fleet is served to it.</summary>
    public required FleetAt Fleet { get; init; }

    /// <summary>Among how many shards clusters are divided; the same at all controller managers of a tree.</summary>
    public required int Shards { get; init; }

    /// <summary>How much is kept, of all shards; its folders are in the data directory.</summary>
    public required MirrorOptions Mirror { get; init; }

    public IPEndPoint? Observe { get; init; }
}
