using System.Text.Json;
using Ote.Kube.Client;

namespace Ote.Testing.NodeCuts;

/// <summary>What may become of a request that is no fault of who asks.</summary>
internal static class Calls
{
    /// <summary>Whether it was refused, or its answer did not come.</summary>
    public static bool IsRefusal(Exception fault) => fault is KubeStatusException or HttpRequestException or IOException or JsonException or OperationCanceledException;

    /// <summary>In a word.</summary>
    public static string Cause(Exception fault) => fault is KubeStatusException { Code: var code } ? $"{code} {fault.Message}" : fault.GetBaseException().Message;
}
