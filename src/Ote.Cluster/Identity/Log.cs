using Microsoft.Extensions.Logging;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

internal static partial class Log
{
    [LoggerMessage(2100, LogLevel.Information, "Joined as {Identity}; the certificate is valid until {End:yyyy-MM-ddTHH:mm:ssK}")]
    public static partial void Joined(this ILogger log, PeerIdentity identity, DateTime end);

    [LoggerMessage(2101, LogLevel.Information, "Joining as {Identity} by {Parent} waits: {Cause}")]
    public static partial void JoinWaits(this ILogger log, PeerIdentity identity, Uri parent, string cause);

    [LoggerMessage(2102, LogLevel.Warning, "The request of {Name} ({Uid}) to join was not answered, it will ask again: {Cause}")]
    public static partial void JoinNotAnswered(this ILogger log, string name, string uid, string cause);

    [LoggerMessage(2103, LogLevel.Information, "The request of {Name} ({Uid}) to join: {Outcome}{Text}")]
    private static partial void JoinAnswered(this ILogger log, string name, string uid, string outcome, string text);

    public static void JoinAnswered(this ILogger log, string name, string uid, JoinAnswer.Types.Outcome outcome, string text) =>
        log.JoinAnswered(name, uid, outcome.ToString(), text.Length > 0 ? ": " + text : "");

    [LoggerMessage(2104, LogLevel.Information, "Renewed the certificate of {Identity}; the new one is valid until {End:yyyy-MM-ddTHH:mm:ssK}")]
    public static partial void Renewed(this ILogger log, PeerIdentity identity, DateTime end);

    [LoggerMessage(2105, LogLevel.Warning, "The certificate of {Identity}, valid until {End:yyyy-MM-ddTHH:mm:ssK}, cannot be renewed now; it is tried again: {Cause}")]
    public static partial void NotRenewed(this ILogger log, PeerIdentity identity, DateTime end, string cause);

    [LoggerMessage(2106, LogLevel.Warning, "The certificate of {Identity} lacks hosts that were asked for: {Cause}")]
    public static partial void HostsWithheld(this ILogger log, PeerIdentity identity, string cause);
}
