using Grpc.Net.Client;
using Ote.Shim.Contract;
using Ote.Shim.Remote;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Conformance;

/// <summary>What a shim says about itself.</summary>
internal static class ConversationChecks
{
    private const uint FromTheFuture = 1000;

    public static async Task<string> VersionAsync(RemoteShimOptions remote, CancellationToken ct)
    {
        using GrpcChannel channel = ShimChannel.Open(remote);
        ClusterShim.ClusterShimClient client = new(channel);
        foreach (uint highest in new[] { ShimContract.LowestVersion, ShimContract.Version, FromTheFuture })
        {
            ShimDescription answer = await client.DescribeAsync(new DescribeRequest { Contract = highest }, cancellationToken: ct);
            CheckFailed.Unless(answer.Contract >= ShimContract.LowestVersion && answer.Contract <= highest,
                $"a caller that speaks at most contract {highest} was answered with {answer.Contract}");
        }
        return "older, equal and newer callers agree on a contract with it";
    }

    public static async Task<string> DescribeAsync(Scratch scratch, CancellationToken ct)
    {
        ShimDescription said = await scratch.Shim.DescribeAsync(ct);
        CheckFailed.Unless(said.Kind.Length > 0 && said.Version.Length > 0, "kind and version must not be empty");
        CheckFailed.Unless(said.Contract >= ShimContract.LowestVersion, $"contract is {said.Contract}");
        CheckFailed.Unless(said.MaxParallel > 0 && said.MaxResponseBytes > 0, "max_parallel and max_response_bytes must be positive");
        CheckFailed.Unless(said.Destinations.Contains(scratch.Target.Destination), $"destinations ({string.Join(", ", said.Destinations)}) lack the target's '{scratch.Target.Destination}'");
        foreach (string destination in said.Destinations)
        {
            ExecuteRequest request = scratch.Get(scratch.NewName());
            request.Destination = destination;
            ExecuteResponse answer = await scratch.Shim.ExecuteAsync(request, ct);
            CheckFailed.Unless(answer.Error != Error.UnknownDestination, $"destination '{destination}' is described and then not known");
        }
        return $"{said.Kind} {said.Version}, contract {said.Contract}, destinations {string.Join(", ", said.Destinations)}, {said.MaxParallel} in parallel, {said.MaxResponseBytes} bytes";
    }

    public static async Task<string> ReadinessAsync(Scratch scratch, CancellationToken ct)
    {
        await using IAsyncEnumerator<Readiness> items = scratch.Shim.WatchReadinessAsync(ct).GetAsyncEnumerator(ct);
        CheckFailed.Unless(await items.MoveNextAsync(), "the watch ended without an answer");
        CheckFailed.Unless(items.Current.Ready, $"the shim says that its cluster is not ready: {(items.Current.Text.Length > 0 ? items.Current.Text : "without a reason")}");
        return $"ready, cluster version '{items.Current.ClusterVersion}'";
    }
}
