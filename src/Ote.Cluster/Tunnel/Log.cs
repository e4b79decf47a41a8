using Microsoft.Extensions.Logging;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

internal static partial class Log
{
    // What the controller says of these without the figures, by 2302 to 2305, is for everybody.
    [LoggerMessage(2000, LogLevel.Debug, "Child {Peer} attached with epoch {Epoch}, resumed: {Resumed}")]
    public static partial void ChildAttached(this ILogger log, PeerIdentity peer, ulong epoch, bool resumed);

    [LoggerMessage(2001, LogLevel.Debug, "Child {Peer} with epoch {Epoch} detached: {Reason}")]
    public static partial void ChildDetached(this ILogger log, PeerIdentity peer, ulong epoch, string reason);

    [LoggerMessage(2002, LogLevel.Debug, "Attached to parent {Peer} with epoch {Epoch}, resumed: {Resumed}")]
    public static partial void ParentAttached(this ILogger log, PeerIdentity peer, ulong epoch, bool resumed);

    [LoggerMessage(2003, LogLevel.Debug, "Link to parent {Peer} with epoch {Epoch} ended: {Reason}")]
    public static partial void ParentDetached(this ILogger log, PeerIdentity peer, ulong epoch, string reason);

    [LoggerMessage(2004, LogLevel.Warning, "{Peer} broke the protocol and loses its link: {Text}")]
    public static partial void Violation(this ILogger log, PeerIdentity peer, string text);

    [LoggerMessage(EventId = 2005, Message = "Refused child {Peer}: {Reason}: {Text}")]
    private static partial void ChildRefused(this ILogger log, LogLevel level, PeerIdentity peer, Refuse.Types.Reason reason, string text);

    // A drain is somebody's wish.
    public static void ChildRefused(this ILogger log, PeerIdentity peer, Refuse.Types.Reason reason, string text) =>
        log.ChildRefused(reason == Refuse.Types.Reason.Draining ? LogLevel.Information : LogLevel.Warning, peer, reason, text);

    [LoggerMessage(2006, LogLevel.Error, "Parent {Parent} refuses this cluster until a person changes something: {Reason}: {Text}; trying again in {Wait:0.##} s")]
    private static partial void RefusedForGood(this ILogger log, Uri parent, Refuse.Types.Reason reason, string text, double wait);

    public static void RefusedForGood(this ILogger log, Uri parent, Refuse.Types.Reason reason, string text, TimeSpan wait) => log.RefusedForGood(parent, reason, text, wait.TotalSeconds);

    [LoggerMessage(2007, LogLevel.Warning, "Parent {Parent} refuses this cluster: {Reason}: {Text}; trying again in {Wait:0.##} s")]
    private static partial void RefusedForNow(this ILogger log, Uri parent, Refuse.Types.Reason reason, string text, double wait);

    public static void RefusedForNow(this ILogger log, Uri parent, Refuse.Types.Reason reason, string text, TimeSpan wait) => log.RefusedForNow(parent, reason, text, wait.TotalSeconds);

    [LoggerMessage(2020, LogLevel.Information, "Parent {Parent} sends this cluster on: {Text}")]
    public static partial void SentOn(this ILogger log, Uri parent, string text);

    [LoggerMessage(2024, LogLevel.Information, "Parent {Parent} takes no children now: {Text}")]
    public static partial void Drained(this ILogger log, Uri parent, string text);

    [LoggerMessage(2008, LogLevel.Warning, "Parent {Parent} not reached: {Cause}; trying again in {Wait:0.##} s, and further without saying so while the cause stays")]
    private static partial void NotReached(this ILogger log, Uri parent, string cause, double wait);

    public static void NotReached(this ILogger log, Uri parent, string cause, TimeSpan wait) => log.NotReached(parent, cause, wait.TotalSeconds);

    [LoggerMessage(2009, LogLevel.Debug, "Parent {Parent} not reached: {Cause}; trying again in {Wait:0.##} s")]
    private static partial void StillNotReached(this ILogger log, Uri parent, string cause, double wait);

    public static void StillNotReached(this ILogger log, Uri parent, string cause, TimeSpan wait) => log.StillNotReached(parent, cause, wait.TotalSeconds);

    [LoggerMessage(2010, LogLevel.Error, "Handling message {Id} of {Peer} failed; the link is closed and the message will come again")]
    public static partial void HandlerFailed(this ILogger log, PeerIdentity peer, string id, Exception fault);

    [LoggerMessage(2011, LogLevel.Error, "The handler failed when {Peer} attached or detached")]
    public static partial void CallbackFailed(this ILogger log, PeerIdentity peer, Exception fault);

    [LoggerMessage(2012, LogLevel.Warning, "Gave up a message of {Peer} on lane {Lane}: {Cause}")]
    public static partial void MessageGivenUp(this ILogger log, PeerIdentity peer, Lane lane, Arrival cause);

    [LoggerMessage(2013, LogLevel.Error, "The link with {Peer} failed")]
    public static partial void LinkFailed(this ILogger log, PeerIdentity peer, Exception fault);

    [LoggerMessage(2014, LogLevel.Debug, "Sending to {Peer} ended: {Cause}")]
    public static partial void SendEnded(this ILogger log, PeerIdentity peer, string cause);

    [LoggerMessage(2015, LogLevel.Warning, "A request for /tunnel from {Remote} has no certificate of this tree: {Cause}")]
    public static partial void NoIdentity(this ILogger log, string remote, string cause);

    [LoggerMessage(2016, LogLevel.Information, "Gave up what was kept for {Peer}, which has been away for {Away:0.##} s: {Count} messages")]
    private static partial void ConversationGivenUp(this ILogger log, PeerIdentity peer, double away, int count);

    public static void ConversationGivenUp(this ILogger log, PeerIdentity peer, TimeSpan away, int count) => log.ConversationGivenUp(peer, away.TotalSeconds, count);

    [LoggerMessage(2017, LogLevel.Warning, "The parent knows epoch {Known} of this cluster, newer than ours: its data directory was restored or copied; going on from there")]
    public static partial void EpochBehind(this ILogger log, ulong known);

    [LoggerMessage(2019, LogLevel.Warning, "{Peer} named {Fault}; its link is not limited at this end until it names another")]
    public static partial void BudgetRefused(this ILogger log, PeerIdentity peer, string fault);

    [LoggerMessage(2018, LogLevel.Error, "The tunnel to {Parent} failed unexpectedly; trying again in {Wait:0.##} s")]
    private static partial void EdgeFailed(this ILogger log, Uri parent, double wait, Exception fault);

    public static void EdgeFailed(this ILogger log, Uri parent, TimeSpan wait, Exception fault) => log.EdgeFailed(parent, wait.TotalSeconds, fault);

    [LoggerMessage(2360, LogLevel.Information, "Lateral link with {Peer} is up")]
    public static partial void LateralAttached(this ILogger log, PeerIdentity peer);

    [LoggerMessage(2361, LogLevel.Information, "Lateral link with {Peer} ended: {Reason}")]
    public static partial void LateralDetached(this ILogger log, PeerIdentity peer, string reason);
}
