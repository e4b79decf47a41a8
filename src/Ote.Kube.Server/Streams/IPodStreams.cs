using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Streams;

/// <summary>
/// What runs the pods of this server's cluster, as far as it is asked about what goes on inside them. Called from any thread, with objects
/// that are the caller's; must be quick and must not block.
/// </summary>
public interface IPodStreams
{
    /// <summary>The log of a container as far as it has come, oldest line first, each behind the time it was written at.</summary>
    /// <param name="pod">The pod as it is stored, its status included.</param>
    /// <param name="container">The name of a container that the pod has.</param>
    /// <param name="previous">The log of the run before this one.</param>
    /// <returns>The lines; null when the container has had no such run.</returns>
    IReadOnlyList<(DateTimeOffset At, string Line)>? ReadLog(JsonObject pod, string container, bool previous);

    /// <summary>Why a pod takes no exec, attach or portforward, and what to do instead: a sentence for whoever asked.</summary>
    /// <param name="pod">The pod as it is stored.</param>
    /// <param name="subresource"><c>exec</c>, <c>attach</c> or <c>portforward</c>.</param>
    string WhyNot(JsonObject pod, string subresource);
}
