using Microsoft.Extensions.Logging;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Issuing;

internal static partial class Log
{
    [LoggerMessage(2340, LogLevel.Information, "Let in {Site} by token {Token} with a provisional certificate, which ends at {End:yyyy-MM-ddTHH:mm:ssK}; the root is asked for a true one")]
    public static partial void Issued(this ILogger log, PeerIdentity site, string token, DateTime end);

    [LoggerMessage(2341, LogLevel.Information, "This cluster may let in {Whom}, by {Tokens} join tokens given to it")]
    public static partial void OrderTaken(this ILogger log, string whom, int tokens);

    [LoggerMessage(2342, LogLevel.Information, "The root has admitted {Site}, which was let in here")]
    public static partial void Confirmed(this ILogger log, PeerIdentity site);

    [LoggerMessage(2343, LogLevel.Error, "The root does not admit {Site}, which was let in here, and it is cut off: {Cause}")]
    public static partial void NotConfirmed(this ILogger log, PeerIdentity site, string cause);

    [LoggerMessage(2344, LogLevel.Warning, "Word came of what {Self} may issue that is not the root's word for it, and changes nothing; look at the controllers between here and the root")]
    public static partial void OrderRefused(this ILogger log, string self);

    [LoggerMessage(2345, LogLevel.Warning, "spec.issuing of cluster {Cluster} cannot be carried out: {Cause}")]
    public static partial void IssuingInvalid(this ILogger log, string cluster, string cause);

    [LoggerMessage(2346, LogLevel.Information, "Cluster {Cluster} has the leave {Grant} to let in clusters named {Pattern} until {Until}")]
    public static partial void Granted(this ILogger log, string cluster, string grant, string pattern, string until);

    [LoggerMessage(2347, LogLevel.Warning, "The leave {Grant} of cluster {Cluster} to let in clusters is withdrawn; what it issued by it does not count any more")]
    public static partial void Withdrawn(this ILogger log, string cluster, string grant);

    [LoggerMessage(2348, LogLevel.Warning, "Cluster {Cluster} is given {Most} of {Count} join tokens; delete those that are not needed")]
    public static partial void TooManyTokens(this ILogger log, string cluster, int most, int count);

    [LoggerMessage(2349, LogLevel.Information, "Admitted {Site}, which {Issuer} had let in by token {Token}")]
    public static partial void Admitted(this ILogger log, PeerIdentity site, string issuer, string token);

    [LoggerMessage(2350, LogLevel.Warning, "{Site}, which {Issuer} had let in by token {Token}, is not admitted: {Cause}")]
    public static partial void NotAdmitted(this ILogger log, PeerIdentity site, string issuer, string token, string cause);
}
