using Microsoft.Extensions.Logging;

namespace Ote.Kube.Server;

internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "API server {Name} ready: {Objects} at revision {Revision}")]
    public static partial void ServerReady(this ILogger log, string name, string objects, long revision);

    [LoggerMessage(1001, LogLevel.Information, "API server {Name} listens on {Address}")]
    public static partial void Listening(this ILogger log, string name, string address);

    [LoggerMessage(1002, LogLevel.Error, "{Method} {Path} failed")]
    public static partial void RequestFailed(this ILogger log, string method, string path, Exception fault);

    [LoggerMessage(1003, LogLevel.Error, "CustomResourceDefinition {Name} is stored but cannot be served")]
    public static partial void DefinitionNotServed(this ILogger log, string name, Exception fault);

    [LoggerMessage(1004, LogLevel.Debug, "Watcher of {Resource} fell {Buffer} changes behind and was cut off")]
    public static partial void WatcherCutOff(this ILogger log, string resource, int buffer);

    [LoggerMessage(1005, LogLevel.Warning, "Cleaning up {Key} failed; trying again in {Delay:0.##} s")]
    private static partial void CleaningFailed(this ILogger log, string key, double delay, Exception fault);

    public static void CleaningFailed(this ILogger log, string key, TimeSpan delay, Exception fault) => log.CleaningFailed(key, delay.TotalSeconds, fault);

    [LoggerMessage(1006, LogLevel.Error, "What follows from the change of {Key} at revision {Revision} was not noted; it is made up for at the next start")]
    public static partial void ListenerFailed(this ILogger log, string key, long revision, Exception fault);

    [LoggerMessage(1007, LogLevel.Warning, "What the quotas of namespace {Namespace} limit could not be counted; trying again in {Delay:0.##} s")]
    private static partial void CountingFailed(this ILogger log, string @namespace, double delay, Exception fault);

    public static void CountingFailed(this ILogger log, string @namespace, TimeSpan delay, Exception fault) => log.CountingFailed(@namespace, delay.TotalSeconds, fault);

    [LoggerMessage(1008, LogLevel.Warning, "The Service kubernetes of namespace default could not be kept as it is to be; trying again in {Delay:0.##} s")]
    private static partial void KubernetesServiceLost(this ILogger log, double delay, Exception fault);

    public static void KubernetesServiceLost(this ILogger log, TimeSpan delay, Exception fault) => log.KubernetesServiceLost(delay.TotalSeconds, fault);

    [LoggerMessage(1070, LogLevel.Error, "The audit log {File} cannot be written, events are lost until it can: {Cause}. Requests go on; make room, or end the server")]
    public static partial void AuditLost(this ILogger log, string file, string cause);

    [LoggerMessage(1071, LogLevel.Warning, "The audit log {File} is written again; {Events} events were lost")]
    public static partial void AuditBack(this ILogger log, string file, long events);

    [LoggerMessage(1086, LogLevel.Error, "{Fault}")]
    public static partial void StoreFailed(this ILogger log, string fault);

    [LoggerMessage(1087, LogLevel.Information, "The database {Database} takes writes again")]
    public static partial void StoreMended(this ILogger log, string database);

    [LoggerMessage(1009, LogLevel.Warning, "The API server in front does not say whom to believe, so no request is served: {Cause}")]
    public static partial void NobodyInFront(this ILogger log, string cause);
}
