using Microsoft.Extensions.Logging;

namespace Ote.Roles.ControllerManager;

internal static partial class Log
{
    [LoggerMessage(5040, LogLevel.Information, "{Count} controller managers live: {Addresses}")]
    public static partial void ManagersLive(this ILogger log, int count, string addresses);

    [LoggerMessage(5041, LogLevel.Error, "This controller manager mirrors nothing at present: {Cause}")]
    public static partial void ManagerAside(this ILogger log, string cause);

    [LoggerMessage(5042, LogLevel.Warning, "The leases of controller managers (ote-manager-*) could not be read or written: {Cause}; it is tried again, without saying so while the cause stays. otectl install --fleet gives the right")]
    public static partial void ManagersUnknown(this ILogger log, string cause);

    [LoggerMessage(5043, LogLevel.Information, "The clusters of shard {Shard} of {Shards} are mirrored here, term {Term}")]
    public static partial void ShardHeld(this ILogger log, int shard, int shards, long term);

    [LoggerMessage(5044, LogLevel.Information, "The clusters of shard {Shard} of {Shards} are mirrored here no more: {Cause}")]
    public static partial void ShardLeft(this ILogger log, int shard, int shards, string cause);
}
