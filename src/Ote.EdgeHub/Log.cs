using Microsoft.Extensions.Logging;

namespace Ote.EdgeHub;

/// <summary>What the hub logs; ids from 7000.</summary>
internal static partial class Log
{
    [LoggerMessage(7000, LogLevel.Information, "EdgeHub of node {Node} answers at {Address}; {Scopes} copies and {Journal} journalled objects were there")]
    public static partial void Started(this ILogger log, string node, string address, int scopes, int journal);

    [LoggerMessage(7001, LogLevel.Information, "API server {Server} is up")]
    public static partial void ServerUp(this ILogger log, Uri server);

    [LoggerMessage(7002, LogLevel.Warning, "API server {Server} is left: {Cause}")]
    public static partial void ServerLeft(this ILogger log, Uri server, string cause);

    [LoggerMessage(7003, LogLevel.Warning, "The node is cut off: no API server answers. It goes on from what it knows, and journals what it writes")]
    public static partial void CutOff(this ILogger log);

    [LoggerMessage(7004, LogLevel.Information, "The node is connected; {Told} journalled objects were told")]
    public static partial void Connected(this ILogger log, int told);

    [LoggerMessage(7005, LogLevel.Warning, "The API server could not be told all of the journal: {Cause}. What was not told is kept, and tried again")]
    public static partial void ReturnFailed(this ILogger log, string cause);

    [LoggerMessage(7006, LogLevel.Warning, "{Key}: {Conflict}")]
    public static partial void MergeConflict(this ILogger log, string key, string conflict);

    [LoggerMessage(7007, LogLevel.Error, "A listener failed on the change of {Key}")]
    public static partial void ListenerFailed(this ILogger log, string key, Exception fault);

    [LoggerMessage(7008, LogLevel.Error, "The cache was damaged ({Cause}) and put aside as {File}. It is filled again from the API server; what was written while cut off and had not been told is in that file alone")]
    public static partial void CacheDamaged(this ILogger log, string file, string cause);

    [LoggerMessage(7017, LogLevel.Error, "{Trouble} Meanwhile what the API servers tell is held in memory or passed on, and what components write while cut off is refused")]
    public static partial void CacheTroubled(this ILogger log, string trouble);

    [LoggerMessage(7018, LogLevel.Information, "The cache {File} can be written again, and all that was held in memory is in it")]
    public static partial void CacheMended(this ILogger log, string file);

    [LoggerMessage(7009, LogLevel.Error, "{Method} {Target} failed")]
    public static partial void RequestFailed(this ILogger log, string method, string target, Exception fault);

    [LoggerMessage(7010, LogLevel.Warning, "The other nodes of the site could not be looked after: {Cause}; it is tried again soon")]
    public static partial void WitnessFailed(this ILogger log, string cause);

    [LoggerMessage(7012, LogLevel.Warning, "API server {Server} cannot be used: {Cause}")]
    public static partial void ServerNotUp(this ILogger log, Uri server, string cause);

    [LoggerMessage(7016, LogLevel.Warning, "The event {Name} on what was lost in a merge could not be written: {Cause}")]
    public static partial void EventRefused(this ILogger log, string name, string cause);

    [LoggerMessage(7014, LogLevel.Warning, "{What} from {From} was refused: {Reason}")]
    public static partial void CallerRefused(this ILogger log, string what, string from, string reason);

    [LoggerMessage(7015, LogLevel.Warning, "The cache takes {Bytes} bytes, more than {Most}, and all that is in it is being read: nothing of it goes. Give it more with --cache-max-bytes, or look which component asks for so much")]
    public static partial void CacheTooLarge(this ILogger log, long bytes, long most);

    [LoggerMessage(7011, LogLevel.Warning, "None of the kubeconfigs is the kubelet's (user {User}): nothing is written while cut off. Give the kubelet's, and the node's name as it registers with --node-name")]
    public static partial void NoKubelet(this ILogger log, string user);

    [LoggerMessage(7028, LogLevel.Warning, "The certificate of {Component} was issued by none of the authorities that were given: its component is refused. Name with --client-ca-file the one that the API server has as --client-ca-file")]
    public static partial void ForeignComponent(this ILogger log, string component);

    [LoggerMessage(7029, LogLevel.Warning, "The certificate of {Component} ran out at {End}: no API server takes it, and the hub does while the node is cut off. Renew it in the files that the kubeconfig names")]
    public static partial void CertificateRanOut(this ILogger log, string component, string end);

    [LoggerMessage(7021, LogLevel.Information, "Services and what they lead to are read from {Source} now")]
    public static partial void ReadsFrom(this ILogger log, string source);

    [LoggerMessage(7022, LogLevel.Warning, "Services and what they lead to are read from the API server: the hub of {Node} was read from, and {Cause}. It may be tried again in a minute")]
    public static partial void SharingHubLeft(this ILogger log, string node, string cause);

    [LoggerMessage(7023, LogLevel.Information, "API server {Server} is one of the cluster's, by its endpoints default/kubernetes")]
    public static partial void ServerListed(this ILogger log, Uri server);

    [LoggerMessage(7024, LogLevel.Information, "API server {Server} is not among the cluster's endpoints default/kubernetes any more: nothing new is asked of it, and what runs on it is left to end")]
    public static partial void ServerNotListed(this ILogger log, Uri server);

    [LoggerMessage(7025, LogLevel.Warning, "The cluster's other API servers are not discovered: it lets none of {Users} list the endpoints default/kubernetes. Give kube-proxy's kubeconfig with --kubeconfig, or let one of them list and watch these (docs/operate/edge-nodes.md says how). It is tried again every {Minutes} minutes; until then those are used that are known")]
    public static partial void DiscoveryForbidden(this ILogger log, string users, double minutes);

    [LoggerMessage(7026, LogLevel.Warning, "The endpoints default/kubernetes name no API server, which is not believed: those are used that are known")]
    public static partial void NoServersListed(this ILogger log);

    [LoggerMessage(7027, LogLevel.Warning, "The API servers that were discovered before cannot be read ({Cause}): until they are told anew, only those are used that were named")]
    public static partial void RememberedServersLost(this ILogger log, string cause);

    [LoggerMessage(7019, LogLevel.Warning, "The API server does not take the credentials of {User} (401): renew the certificate or token of its kubeconfig; until then nothing that it asks for is answered while connected")]
    public static partial void CredentialsRefused(this ILogger log, string user);

    [LoggerMessage(7020, LogLevel.Information, "The API server takes the credentials of {User} again")]
    public static partial void CredentialsTaken(this ILogger log, string user);

    [LoggerMessage(7013, LogLevel.Error, "The watch that keeps the copy of {Resource} failed; it begins anew in 5 s")]
    public static partial void FollowingFailed(this ILogger log, string resource, Exception fault);

    [LoggerMessage(7033, LogLevel.Error, "The hub's own authority was damaged ({Cause}) and put aside as {Folder}; a new one was made. Kubeconfigs that the hub writes (--write-kubeconfigs) are of the new one: start the components anew that were given them before, and pods that were given its authority")]
    public static partial void AuthorityDamaged(this ILogger log, string folder, string cause);

    [LoggerMessage(7034, LogLevel.Error, "What was written last to {File} is damaged, with later changes behind it: the node goes on from what was written before. What it wrote since then is lost where no API server was told; everything is read anew from the next that answers")]
    public static partial void NewestDamaged(this ILogger log, string file);

    [LoggerMessage(7032, LogLevel.Warning, "The API server counts versions from further back than this node's copies ({Copies} here, {Server} there), as after its data were restored or lost: all copies are read anew")]
    public static partial void VersionsWentBack(this ILogger log, long copies, long server);

    [LoggerMessage(7031, LogLevel.Warning, "This node has the label {Label}={Site}, and its hub is reached from the node alone: no other node of the site can say whether this one lives when it is cut off. Give the hub the node's own address (--listen NODE-ADDRESS:10261)")]
    public static partial void NoWitness(this ILogger log, string label, string site);

    [LoggerMessage(7030, LogLevel.Warning, "{Count} events that were written while the node was cut off were not kept: the journal keeps the newest of each kind")]
    public static partial void EventsDropped(this ILogger log, long count);
}
