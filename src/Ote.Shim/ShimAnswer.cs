using Google.Protobuf;
using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim;

/// <summary>Builds the answers of a shim.</summary>
public static class ShimAnswer
{
    /// <summary>The cluster's own answer, as it came.</summary>
    public static ExecuteResponse FromCluster(int code, ReadOnlyMemory<byte> body, string contentType) =>
        new() { Code = code, Body = UnsafeByteOperations.UnsafeWrap(body), ContentType = contentType };

    /// <summary>An error of the shim, with the nearest HTTP status. The text names the thing, the cause and the next step.</summary>
    public static ExecuteResponse Failure(Error error, string text)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)error, (int)Error.None);
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        return new() { Error = error, Code = NearestStatus(error), Text = text };
    }

    /// <summary>The HTTP status that comes nearest to an error.</summary>
    public static int NearestStatus(Error error) => error switch
    {
        Error.None => 200,
        Error.Unreachable or Error.Refused => 502,
        Error.TimedOut => 504,
        Error.TooLarge => 413,
        Error.NotAllowed => 403,
        Error.UnknownDestination => 501,
        Error.UnsupportedMethod => 405,
        Error.BadRequest => 400,
        Error.OutcomeUnknown => 409,
        Error.Cancelled => 499,
        Error.Busy => 429,
        _ => 500,
    };
}
