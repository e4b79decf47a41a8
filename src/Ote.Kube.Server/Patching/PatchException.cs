namespace Ote.Kube.Server.Patching;

/// <summary>Why a patch was not applied.</summary>
public enum PatchFailure
{
    /// <summary>The patch itself is not of its format: answer 400 BadRequest.</summary>
    Malformed,
    /// <summary>The patch does not fit the object (a path that is not there): answer 422 Invalid.</summary>
    Unprocessable,
    /// <summary>A <c>test</c> operation found another value: answer 422 Invalid.</summary>
    TestFailed,
    /// <summary>The patch asks for more work than a server does for one request: answer 413 RequestEntityTooLarge.</summary>
    TooLarge,
}

/// <summary>A patch that was not applied. The object is as it was.</summary>
/// <param name="reason">Why, for choosing the answer.</param>
/// <param name="message">Why, for the user.</param>
public sealed class PatchException(PatchFailure reason, string message) : Exception(message)
{
    /// <summary>Why, for choosing the answer.</summary>
    public PatchFailure Reason { get; } = reason;

    /// <summary>The HTTP status that the real server answers.</summary>
    public int StatusCode => Reason switch
    {
        PatchFailure.Malformed => 400,
        PatchFailure.TooLarge => 413,
        _ => 422,
    };
}
