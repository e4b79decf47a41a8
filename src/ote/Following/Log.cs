using Microsoft.Extensions.Logging;

namespace Ote.Roles.Following;

internal static partial class Log
{
    [LoggerMessage(5022, LogLevel.Information, "A controller manager at {From} follows the reports of the tree")]
    public static partial void FollowedFromAfar(this ILogger log, string from);

    [LoggerMessage(5023, LogLevel.Information, "The controller manager at {From} follows the reports of the tree no more: {Cause}")]
    public static partial void FollowerGone(this ILogger log, string from, string cause);

    [LoggerMessage(5024, LogLevel.Information, "Controller managers are told to come to {Address}, by Secret {Namespace}/{Name}")]
    public static partial void FollowTold(this ILogger log, string address, string @namespace, string name);

    [LoggerMessage(5025, LogLevel.Warning, "Secret {Namespace}/{Name}, which tells controller managers where to come, could not be written; trying again in {Seconds:0.#} s: {Cause}. otectl install --fleet gives the right")]
    public static partial void FollowNotTold(this ILogger log, string @namespace, string name, double seconds, string cause);
}
