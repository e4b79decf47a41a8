using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Admission;
using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Streams;

namespace Ote.Kube.Server;

/// <summary>How an embedded API server runs. Immutable; the defaults suit one that is one of many in a process.</summary>
public sealed record ApiServerOptions
{
    /// <summary>Name for logs, metrics and the certificate authority.</summary>
    public string Name { get; init; } = "ote";

    /// <summary>Folder for the database and the certificates; one server at a time may use it. Null keeps everything in memory.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>CustomResourceDefinitions to install or bring up to date at start.</summary>
    public IEnumerable<JsonObject> InstallCrds { get; init; } = [];

    /// <summary>
    /// Differs whenever <see cref="InstallCrds"/> does. With it, a start that finds all definitions as the last one left them does not enumerate
    /// them; null: they are compared at each start.
    /// </summary>
    public string? InstallFingerprint { get; init; }

    /// <summary>Namespaces to create at start beside <c>default</c>, <c>kube-system</c>, <c>kube-public</c> and <c>kube-node-lease</c>.</summary>
    public IEnumerable<string> Namespaces { get; init; } = [];

    /// <summary>Host names and addresses in the serving certificate, beside the loopback ones.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>Bearer tokens and whose they are.</summary>
    public IReadOnlyDictionary<string, UserInfo> Tokens { get; init; } = new Dictionary<string, UserInfo>();

    /// <summary>File of bearer tokens, a <c>token,user,uid,"group,group"</c> a line; null for none.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Who issues the tokens of service accounts, in them and in discovery; also the audience of this server. An https URL.</summary>
    public string ServiceAccountIssuer { get; init; } = "https://kubernetes.default.svc.cluster.local";

    /// <summary>
    /// Allows more than the stored roles and bindings do; null: nothing more. <c>system:masters</c> may do all, whatever either says.
    /// </summary>
    public IAuthorizer? Authorizer { get; init; }

    /// <summary>
    /// Whether to make, where they are missing, the roles and bindings that Kubernetes' users expect: cluster-admin, admin, edit, view, and what
    /// lets all who are known discover the API. Default false.
    /// </summary>
    public bool BootstrapRoles { get; init; }

    /// <summary>Notes who asked for what in a file; null: nothing is noted.</summary>
    public AuditOptions? Audit { get; init; }

    /// <summary>Rules for changes, after the built-in ones.</summary>
    public IReadOnlyList<IAdmission> Admission { get; init; } = [];

    /// <summary>Answers about what goes on inside pods: their logs, and why there is no exec. Null: nothing runs pods here.</summary>
    public IPodStreams? PodStreams { get; init; }

    /// <summary>
    /// Whether the server itself deletes what hangs on what was deleted, empties namespaces that go, and counts what ResourceQuotas limit. False: a
    /// kube-controller-manager at this API does all three. Default true.
    /// </summary>
    public bool CollectsGarbage { get; init; } = true;

    /// <summary>
    /// Whether a deleted pod that is bound to a node waits for the node's agent: it is marked as going, for as long as it is granted, and is gone
    /// when it is deleted again with no grace. False: pods go at once, as where no agents are.
    /// </summary>
    public bool PodsEndGracefully { get; init; }

    /// <summary>
    /// The cluster IPs of Services, an IPv4 network with a prefix of 8 to 24 bits: a Service gets one of it, and node ports of 30000 to 32767, and none that another has.
    /// Null: Services get no addresses, and those they name are not compared. Default 10.96.0.0/16.
    /// </summary>
    public IPNetwork? ServiceClusterIPRange { get; init; } = IPNetwork.Parse("10.96.0.0/16");

    /// <summary>
    /// Whether to keep the Service <c>kubernetes</c> of namespace <c>default</c> once the server listens, as kube-apiserver does, with Endpoints and an EndpointSlice where others can reach it:
    /// at <see cref="AdvertiseAddress"/>. Default false: one of many in a process is no API of its own.
    /// </summary>
    public bool KeepsKubernetesService { get; init; }

    /// <summary>
    /// The address at which others reach the server; null: the one it listens at, or, where it listens at all, the machine's first that is not its own alone. Of a server that listens on the
    /// loopback there is none.
    /// </summary>
    public IPAddress? AdvertiseAddress { get; init; }

    /// <summary>
    /// Files beside the API, by their path: each is made when it is asked for, by who may <c>get</c> that path, one at a time. What fails with
    /// an <see cref="IOException"/> before the first byte is told in its words.
    /// </summary>
    public IReadOnlyDictionary<string, Func<Stream, CancellationToken, Task>> Downloads { get; init; } =
        new Dictionary<string, Func<Stream, CancellationToken, Task>>();

    /// <summary>Makes the uids of new objects, and the ids of audited requests. Called from several threads.</summary>
    public Func<Guid> NewUid { get; init; } = Guid.NewGuid;

    /// <summary>Uniform in [0, 1), for the jitter of retries; null: one of its own.</summary>
    public Func<double>? Random { get; init; }

    /// <summary>Largest request body, in bytes. Default 3 MiB.</summary>
    public int MaxBodyBytes { get; init; } = 3 * 1024 * 1024;

    /// <summary>Deepest nesting of a request body. Default 64.</summary>
    public int MaxDepth { get; init; } = 64;

    /// <summary>Most objects in one page of a list; a client that asks for more gets this many and a continue token. Default 5000.</summary>
    public int MaxPage { get; init; } = 5000;

    /// <summary>
    /// Most requests served at once, watches and streams aside; more wait, users in turn. Those of <c>system:masters</c> do not count and never wait.
    /// Default 400.
    /// </summary>
    public int MaxRequests { get; init; } = 400;

    /// <summary>Most requests of one user that wait; more are answered 429. Default 100, and 50 times that of all users.</summary>
    public int MaxWaitingOfUser { get; init; } = 100;

    /// <summary>How long a request waits before it is answered 429. Default half a minute.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most watches at once; more are answered 429. Default 20,000.</summary>
    public int MaxWatches { get; init; } = 20_000;

    /// <summary>Changes buffered for one watch; one that falls behind further is cut off. Default 1000.</summary>
    public int WatchBuffer { get; init; } = 1000;

    /// <summary>How often a watch that allows bookmarks gets one, if the version has moved; it gets one before its time ends in any case. Default one minute.</summary>
    public TimeSpan BookmarkInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a watch lasts that asks for no time. Default half an hour.</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long an event is kept after it was last seen. Default an hour.</summary>
    public TimeSpan EventLife { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Newest changes kept for watches to resume from. Default 10,000.</summary>
    public int HistoryKept { get; init; } = 10_000;

    /// <summary>
    /// Most bytes of replaced and deleted objects that <see cref="HistoryKept"/> may keep; with large objects the oldest changes go earlier. Default 256 MiB.
    /// </summary>
    public long HistoryBytes { get; init; } = 256 * 1024 * 1024;

    /// <summary>Where the objects of some kinds are read from instead of the own store; they are not written here. Null: all kinds are the own store's.</summary>
    public Store.IObjectSource? Mirror { get; init; }

    /// <summary>
    /// The way into other clusters' APIs behind <c>/clusters/NAME</c>, for who may do as they ask with <c>clusters/proxy</c> of group <c>ote.baidu.com</c> by that name. Null: there is none.
    /// </summary>
    public Http.IClusterGate? Clusters { get; init; }
}
