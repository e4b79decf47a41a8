using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Handling;

internal static partial class Log
{
    [LoggerMessage(2300, LogLevel.Error, "The journal of {What} failed; nothing is acknowledged that is not on disk")]
    public static partial void JournalFailed(this ILogger log, string what, Exception cause);

    [LoggerMessage(2301, LogLevel.Warning, "The shim of {Cluster} is away, its commands wait, and further without saying so while the cause stays: {Cause}")]
    public static partial void ShimAway(this ILogger log, string cluster, string cause);

    [LoggerMessage(2380, LogLevel.Warning, "The managed cluster of {Cluster} refuses connections; command {Command} waits for it until its deadline: {Cause}")]
    public static partial void ClusterRefuses(this ILogger log, string cluster, string command, string cause);

    [LoggerMessage(2336, LogLevel.Information, "The shim of {Cluster} is back")]
    public static partial void ShimBack(this ILogger log, string cluster);

    [LoggerMessage(2302, LogLevel.Information, "Cluster {Cluster} is attached below {Parent}")]
    public static partial void ChildAttached(this ILogger log, string cluster, string parent);

    // Who is stopped has lost neither its children nor its parent.
    [LoggerMessage(EventId = 2303, Message = "Cluster {Cluster} is no longer attached below {Parent}: {Reason}")]
    public static partial void ChildDetached(this ILogger log, LogLevel level, string cluster, string parent, string reason);

    [LoggerMessage(2304, LogLevel.Information, "Attached to parent {Parent}")]
    public static partial void ParentAttached(this ILogger log, string parent);

    [LoggerMessage(EventId = 2305, Message = "Parent {Parent} lost: {Reason}")]
    public static partial void ParentLost(this ILogger log, LogLevel level, string parent, string reason);

    [LoggerMessage(2306, LogLevel.Warning, "Dropped a {What} of {Cluster} brought by {Child}, in whose subtree it is not")]
    public static partial void Forged(this ILogger log, string what, string cluster, string child);

    [LoggerMessage(2334, LogLevel.Warning, "A receipt of {Cluster} brought by {Child} makes no sense: {Fault}. It is cut or dropped; look whether that cluster's controller is what you installed")]
    public static partial void ReceiptUnsound(this ILogger log, string cluster, string child, string fault);

    [LoggerMessage(2307, LogLevel.Warning, "Name {Name} of cluster {Uid} is refused: {Text}")]
    public static partial void NameRefused(this ILogger log, string name, string uid, string text);

    [LoggerMessage(2335, LogLevel.Warning, "{Count} more names that {Child} announced in the same message are refused")]
    public static partial void NamesRefused(this ILogger log, int count, string child);

    [LoggerMessage(2308, LogLevel.Warning, "A {What} from the parent cannot be carried out here: {Cause}")]
    public static partial void ParentMessageRefused(this ILogger log, string what, string cause);

    [LoggerMessage(2309, LogLevel.Warning, "Routes of {Child} have drifted; asking for all of them")]
    public static partial void RoutesDrifted(this ILogger log, string child);

    [LoggerMessage(2310, LogLevel.Information, "Tags of {Cluster} are now: {Tags}")]
    public static partial void TagsSet(this ILogger log, string cluster, string tags);

    [LoggerMessage(2313, LogLevel.Error, "The shim of {Cluster} failed on command {Command}")]
    public static partial void ShimFaulted(this ILogger log, string cluster, string command, Exception cause);

    [LoggerMessage(2312, LogLevel.Error, "The request of {Cluster} to join could not be decided; it asks again")]
    public static partial void JoinFailed(this ILogger log, string cluster, Exception cause);

    [LoggerMessage(2317, LogLevel.Information, "Cluster {Cluster} cannot be offered to others as a parent: dialling {Address} back did not find it: {Cause}")]
    public static partial void NotDialledBack(this ILogger log, string cluster, string address, string cause);

    [LoggerMessage(2318, LogLevel.Information, "Cluster {Cluster} is drained: its children are sent elsewhere")]
    public static partial void Draining(this ILogger log, string cluster);

    [LoggerMessage(2314, LogLevel.Information, "Clusters shut out of the tree: {Count}, list {Version}")]
    public static partial void RevocationsChanged(this ILogger log, int count, ulong version);

    [LoggerMessage(2315, LogLevel.Error, "Cluster {Cluster} cannot be revoked below the root: {Most} are already; delete the data of those that are gone, or shorten --certificate-life")]
    public static partial void RevocationsFull(this ILogger log, string cluster, int most);

    [LoggerMessage(2411, LogLevel.Warning, "The local cluster does not answer: {Cause}; its commands wait on this disk")]
    public static partial void LocalClusterLost(this ILogger log, string cause);

    [LoggerMessage(2412, LogLevel.Information, "The local cluster answers again")]
    public static partial void LocalClusterBack(this ILogger log);

    [LoggerMessage(2410, LogLevel.Warning, "Cluster {Cluster} is not let in again: its uid {Uid} was revoked as {Other}, and is accepted under that name only")]
    public static partial void RevokedUnderAnotherName(this ILogger log, string cluster, string uid, string other);

    [LoggerMessage(2316, LogLevel.Warning, "Which cluster {Address} led to could not be written down: {Cause}")]
    public static partial void ParentNotRemembered(this ILogger log, string address, string cause);

    [LoggerMessage(2319, LogLevel.Information, "The link to the parent has another budget: {Budget}")]
    public static partial void BudgetSet(this ILogger log, string budget);

    [LoggerMessage(2320, LogLevel.Warning, "Child {Cluster} named {Fault}; the one before stays in force at this end")]
    public static partial void BudgetRefused(this ILogger log, string cluster, string fault);

    [LoggerMessage(2331, LogLevel.Information, "Trusted CAs of the tree: {Pins}, list {Version}")]
    public static partial void TrustChanged(this ILogger log, string pins, ulong version);

    [LoggerMessage(2332, LogLevel.Warning, "The exchange of the tree's CA is {Phase}; {Pin} issues")]
    public static partial void RolloverStep(this ILogger log, string phase, string pin);

    [LoggerMessage(2338, LogLevel.Information, "{Child} brought a receipt of {Cluster}, which hangs elsewhere by now and brings it there")]
    public static partial void ReceiptBehind(this ILogger log, string cluster, string child);

    [LoggerMessage(2333, LogLevel.Information, "{Parent} could not be asked for the tree's CAs: {Cause}")]
    public static partial void TrustNotAsked(this ILogger log, string parent, string cause);

    [LoggerMessage(2311, LogLevel.Information, "Cluster {Cluster} is {State}")]
    public static partial void ClusterState(this ILogger log, string cluster, string state);

    [LoggerMessage(2337, LogLevel.Warning, "This controller has no objects yet: {Fault}")]
    public static partial void DefinitionsMissing(this ILogger log, string fault);

    [LoggerMessage(2330, LogLevel.Warning, "Receipts are sent to {Parent} without the clusters' answers: {Cause}")]
    public static partial void ReceiptsCut(this ILogger log, string parent, string cause);

    [LoggerMessage(2399, LogLevel.Debug, "The shim does not say whether it reports, and is asked again: {Cause}")]
    public static partial void ShimNotDescribed(this ILogger log, string cause);
}
