using System.Net.Sockets;
using Grpc.Core;

namespace Ote.Shim.Remote;

/// <summary>What a failed gRPC call says about the request it carried.</summary>
internal enum CallFailureKind
{
    /// <summary>No connection could be made.</summary>
    NotSent,

    /// <summary>The connection or the shim went away meanwhile.</summary>
    Broken,

    /// <summary>No answer in time.</summary>
    Deadline,

    /// <summary>A message exceeds the limit.</summary>
    TooLarge,

    /// <summary>The other side does not serve the contract.</summary>
    NotAShim,

    /// <summary>The shim's own code failed.</summary>
    Failed,
}

/// <summary>Reads a gRPC failure. Pure.</summary>
internal static class CallFailure
{
    public static CallFailureKind Of(RpcException e) => e.StatusCode switch
    {
        StatusCode.DeadlineExceeded => CallFailureKind.Deadline,
        StatusCode.ResourceExhausted => CallFailureKind.TooLarge,
        StatusCode.Unimplemented or StatusCode.FailedPrecondition or StatusCode.Unauthenticated or StatusCode.PermissionDenied => CallFailureKind.NotAShim,
        StatusCode.Unavailable => NeverConnected(e.Status.DebugException) ? CallFailureKind.NotSent : CallFailureKind.Broken,
        // A stopping server resets the stream, and an ended connection surfaces as one of these with a transport error beneath.
        StatusCode.Internal or StatusCode.Cancelled or StatusCode.Unknown when Transport(e.Status.DebugException) is { } transport =>
            NeverConnected(transport) ? CallFailureKind.NotSent : CallFailureKind.Broken,
        _ => CallFailureKind.Failed,
    };

    /// <summary>The innermost cause, for people.</summary>
    public static string Cause(RpcException e, ShimAddress address)
    {
        Exception? inner = e.Status.DebugException;
        while (inner?.InnerException is { } next)
            inner = next;
        return inner is SocketException refused && address.IsUnix ? OfSocket(refused, address) : inner?.Message ?? e.Status.Detail;
    }

    /// <summary>The system's words for a socket file that is not there are about addresses, of which nobody here knows any.</summary>
    private static string OfSocket(SocketException refused, ShimAddress address) => refused.SocketErrorCode switch
    {
        SocketError.AddressNotAvailable or SocketError.ConnectionRefused =>
            $"no shim listens there; start it, as with ote shim k8s --listen {address} --kubeconfig FILE, or correct the address",
        SocketError.AccessDenied => "this user may not write to the socket; run both as one user, or give the socket's group the right",
        _ => refused.Message,
    };

    private static bool NeverConnected(Exception? e) => Transport(e) is HttpRequestException
    {
        HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError
    };

    private static Exception? Transport(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
        {
            if (e is HttpRequestException or IOException)
                return e;
        }
        return null;
    }
}
