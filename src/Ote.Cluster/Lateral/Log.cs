using Microsoft.Extensions.Logging;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

internal static partial class Log
{
    [LoggerMessage(2362, LogLevel.Information, "Lateral links are allowed with: {Peers}")]
    public static partial void LateralSet(this ILogger log, string peers);

    [LoggerMessage(2363, LogLevel.Warning, "No lateral link with {Peer} at {Address}: {Cause}; trying again in {Wait:0.##} s, and further without saying so while the cause stays")]
    private static partial void LateralNotMade(this ILogger log, string peer, string address, string cause, double wait);

    public static void LateralNotMade(this ILogger log, string peer, string address, string cause, TimeSpan wait) => log.LateralNotMade(peer, address, cause, wait.TotalSeconds);

    [LoggerMessage(2364, LogLevel.Warning, "Refused a lateral link with {Peer}: {Reason}: {Text}")]
    public static partial void LateralRefused(this ILogger log, PeerIdentity peer, Refuse.Types.Reason reason, string text);

    [LoggerMessage(2365, LogLevel.Error, "The lateral link with {Peer} failed unexpectedly; it is dialled again")]
    public static partial void LateralFailed(this ILogger log, string peer, Exception fault);

    [LoggerMessage(2366, LogLevel.Warning, "Lateral peer {Peer} sent {Payload}, which has no place on such a link; the link is ended")]
    public static partial void LateralViolated(this ILogger log, PeerIdentity peer, string payload);
}
