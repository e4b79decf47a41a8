using Ote.Shim.Contract;

namespace Ote.Shim;

/// <summary>Numbers both ends of the shim contract agree on.</summary>
public static class ShimContract
{
    /// <summary>The highest contract version this build speaks.</summary>
    public const uint Version = 1;

    /// <summary>The lowest contract version this build speaks.</summary>
    public const uint LowestVersion = 1;

    /// <summary>Largest body, in bytes, that may be asked of a shim in either direction. A larger gRPC message ends the call.</summary>
    public const int MaxBodyBytes = 8 * 1024 * 1024;

    /// <summary>Largest gRPC message: a body and the fields around it.</summary>
    internal const int MaxMessageBytes = MaxBodyBytes + 64 * 1024;

    /// <summary>The version two sides speak, given the caller's and the shim's highest; 0 when there is none. A caller that says 0 means 1.</summary>
    public static uint Negotiate(uint caller, uint shim)
    {
        uint spoken = Math.Min(caller == 0 ? 1 : caller, shim);
        return spoken < LowestVersion ? 0 : spoken;
    }

    /// <summary>Whether an error says for certain that nothing ran, so that sending the request again is not a replay.</summary>
    public static bool NothingRan(ExecuteResponse.Types.Error error) => error
        is ExecuteResponse.Types.Error.Refused
        or ExecuteResponse.Types.Error.Busy
        or ExecuteResponse.Types.Error.NotAllowed
        or ExecuteResponse.Types.Error.UnknownDestination
        or ExecuteResponse.Types.Error.UnsupportedMethod
        or ExecuteResponse.Types.Error.BadRequest;
}
