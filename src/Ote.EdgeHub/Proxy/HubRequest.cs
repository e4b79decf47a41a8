using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Sharing;
using Ote.Kube.Client;

namespace Ote.EdgeHub.Proxy;

/// <summary>Where a request is answered.</summary>
internal enum Route
{
    /// <summary>By the API server, as it is: the hub only passes bytes.</summary>
    Forward = 0,

    /// <summary>By the API server, and what it says is kept for when it cannot be asked.</summary>
    Keep = 1,

    /// <summary>From a copy that one upstream watch keeps.</summary>
    Follow = 2,

    /// <summary>One object from whatever copy has it.</summary>
    ReadHere = 3,

    /// <summary>Written to the node's own state, and journalled.</summary>
    WriteHere = 4,

    /// <summary>By the answer that the API server once gave to the same question.</summary>
    Remember = 5,

    /// <summary>What is no object, such as discovery: as the API server's library has it.</summary>
    Document = 6,

    /// <summary>By nobody now: a Status says why.</summary>
    Unanswered = 7,
}

/// <summary>What the way of a request depends on. Pure.</summary>
/// <param name="Path">Taken apart; null: it is no resource's.</param>
/// <param name="Method">Upper case.</param>
/// <param name="IsComponent">Whether a component of the node asks, whose answers may be kept.</param>
/// <param name="TakesJson">Whether the answer may be JSON.</param>
internal sealed record HubRequest(ApiPath? Path, string Method, bool IsComponent, bool TakesJson)
{
    private const string ByName = "metadata.name=";
    private static readonly string[] s_questions = ["tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"];

    /// <summary>Whether the kind is one whose objects can be kept.</summary>
    public bool IsKnown { get; init; }

    /// <summary>Whether a pod asks: of secrets nothing is kept for it, since those that a pod uses come by the kubelet.</summary>
    public bool IsPod { get; init; }

    /// <summary>Whether some objects look different on this node: they come by way of the copies, where that is seen to.</summary>
    public bool IsSeenDifferently { get; init; }

    /// <summary>Whether the API server's version of what is listed may be one that was given here while cut off: no watch could begin there, and the copy is asked.</summary>
    public bool IsAmongOurs { get; init; }

    /// <summary>Whether the copy is no older than the version that is asked for (<see cref="NoOlderThan"/>).</summary>
    public bool IsNewEnough { get; init; }

    /// <summary>Whether another hub of the site asks, which wants what is here and nothing from the API server.</summary>
    public bool IsShared { get; init; }

    /// <summary>Whether the answer is wanted as a table or as metadata alone: a user looks, and what the API server makes of an object is nothing to keep.</summary>
    public bool IsTable { get; init; }

    /// <summary>Whether a copy that a watch keeps up has the one object that is asked for.</summary>
    public bool IsKeptUp { get; init; }

    /// <summary>Whether one object is asked for as it is known, at whatever version: a kubelet asks so for its Node every few seconds.</summary>
    public bool IsAtAnyVersion => Method == "GET" && IsKept && !IsTable && !IsShared && Path is { Name: not null, Subresource: null } && Path.Parameter("resourceVersion").FirstOrDefault() == "0";

    /// <summary>Whether changes are asked for.</summary>
    public bool IsWatch => Path is { Name: null } && Path.IsOn("watch");

    /// <summary>Whether it lists what may be kept.</summary>
    public bool IsList => IsRead && !IsWatch && IsKept && Path!.Name is null;

    /// <summary>
    /// The version that a list is to be no older than, as a component lists that has lost its watch (https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list); null: it asks for what is so now, or for a version
    /// exactly.
    /// </summary>
    public long? NoOlderThan => Version is { } version && (Match is { } match ? match == "NotOlderThan" : version == 0 || !IsLimited) ? version : null;

    /// <summary>The version that is listed, and no other; null: what is no older than some version will do, or it asks for what is so now.</summary>
    public long? Exactly => Version is > 0 and { } version && NoOlderThan is null ? version : null;

    /// <summary>Whether it concerns the lease by which a node is known to live.</summary>
    public bool IsLeaseOf(string node) => Path is { Group: "coordination.k8s.io", Resource: "leases", Namespace: "kube-node-lease", Subresource: null } && (Path.Name == node || (Path.Name is null && Method == "POST"));

    private long? Version => IsList && long.TryParse(Path!.Parameter("resourceVersion").FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : null;

    private string? Match => Path!.Parameter("resourceVersionMatch").FirstOrDefault() is { Length: > 0 } match ? match : null;

    private bool IsLimited => Path!.Parameter("limit").FirstOrDefault() is not (null or "" or "0");

    /// <summary>Whether it asks whether somebody is who it says or may do something, or asks for the token of a pod's account: what was answered once is the answer while nobody can be asked.</summary>
    public bool IsQuestion => Method == "POST" && ((s_questions.Contains(Path?.Resource) && Path!.Name is null) || Path is { Resource: "serviceaccounts", Subresource: "token" });

    private bool IsRead => Method is "GET" or "HEAD";

    /// <summary>Whether what it reads may lie on the node: of secrets and configmaps only single ones, as a kubelet asks for those that its pods use.</summary>
    private bool IsKept => IsComponent && TakesJson && IsKnown && Path is { Resource: not null, Subresource: null or "status" or "token" }
        && (Path.Resource is not ("secrets" or "configmaps") || Path.Name is not null || IsOfOne) && !(IsPod && Path.Resource == "secrets");

    private bool IsOfOne => OneName is not null;

    /// <summary>The one object that a list or watch asks for by its name; null: it asks for others too.</summary>
    public string? OneName => Path is { Name: null } && Path.Parameter("fieldSelector").FirstOrDefault() is { } selector && selector.StartsWith(ByName, StringComparison.Ordinal) && !selector.Contains(',', StringComparison.Ordinal)
        ? selector[ByName.Length..] : null;

    /// <summary>Whether it goes on with a list that was begun here: where it left off, the API server does not know.</summary>
    private bool ContinuesOurs => Path!.Parameter("continue").FirstOrDefault() is { Length: > 0 } token && Encoding.UTF8.GetString(Base64Url.IsValid(token) ? Base64Url.DecodeFromChars(token) : []).Contains("\"ote/", StringComparison.Ordinal);

    /// <summary>Where it is answered.</summary>
    /// <param name="isConnected">Whether requests go to the API servers.</param>
    /// <param name="takes">Whether writes of a kind (<c>group/plural</c>) are taken while cut off.</param>
    public Route Way(bool isConnected, Func<string, bool> takes)
    {
        if (IsShared)
        {
            return isConnected && IsKept && IsRead && SharedReads.Concerns(CacheQuery.Of(Path!)) ? Route.Follow : Route.Unanswered;
        }

        if (Path is null && IsComponent && IsRead && !isConnected)
        {
            return Route.Document;
        }

        if (!IsKept)
        {
            return isConnected ? Route.Forward : Route.Unanswered;
        }

        if (IsQuestion)
        {
            return isConnected ? Route.Keep : Route.Remember;
        }

        if (IsRead && Path!.Name is null)
        {
            // A list at no version asks for what is so now, which only the API server knows; from version 0 on whatever is known will do, and from another on what is as new.
            return IsWatch || !isConnected || NoOlderThan == 0 || IsNewEnough || ContinuesOurs || IsAmongOurs || (IsSeenDifferently && NodeView.Concerns($"{Path.Group}/{Path.Resource}")) ? Route.Follow : Route.Forward;
        }

        if (isConnected)
        {
            return IsTable && IsRead ? Route.Forward : IsKeptUp && IsAtAnyVersion ? Route.ReadHere : Route.Keep;
        }

        return IsRead ? Route.ReadHere : takes($"{Path!.Group}/{Path.Resource}") ? Route.WriteHere : Route.Unanswered;
    }

    /// <summary>Reads one.</summary>
    /// <param name="request">The request.</param>
    /// <param name="target">Its path and query as they came.</param>
    /// <param name="isComponent">See <see cref="IsComponent"/>.</param>
    /// <param name="fault">Why it is none.</param>
    public static HubRequest? Of(HttpRequest request, string target, bool isComponent, out string? fault)
    {
        fault = null;
        ApiPath? path = null;
        var isRoot = target.AsSpan() is "/" || target.StartsWith("/?", StringComparison.Ordinal); // where an API server lists what it has
        if (!isRoot && !ApiPath.TryParse(target, out path, out fault))
        {
            return null;
        }

        var accept = request.Headers.Accept.ToString();
        var takesJson = accept.Length == 0 || accept.Contains("json", StringComparison.Ordinal) || accept.Contains("*/*", StringComparison.Ordinal);
        return new HubRequest(path?.Resource is null ? null : path, request.Method, isComponent, takesJson && !request.Headers.ContainsKey("Upgrade")) 
        {
            IsShared = request.Headers.ContainsKey(SharedReadsHandler.Header), IsTable = accept.Contains("as=", StringComparison.Ordinal),
        };
    }
}
