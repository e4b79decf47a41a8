using System.CommandLine;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Mirror.Reporting;
using Ote.Roles.Following;
using Ote.Roles.Hosting;
using Ote.Roles.Shim;

namespace Ote.Roles.ClusterController;

/// <summary><c>ote cluster-controller</c>: one named node of the tree.</summary>
internal static class ClusterControllerCommand
{
    public static Command Create()
    {
        var name = new Option<string>("--name", "-n") { Description = "Cluster name, unique in the tree; 'root' has no parent", DefaultValueFactory = _ => ClusterControllerOptions.RootName };
        var data = new Option<string>("--data") { Description = "Directory for identity, journal and store", Required = true };
        var parent = new Option<string?>("--parent", "-p") { Description = "The parent's address, https://host:port" };
        var alternates = new Option<string[]>("--alternate-parent") { Description = "Another parent's address, for when the parent and those it named cannot be reached; may be repeated", DefaultValueFactory = _ => [] };
        var token = new Option<string?>("--join-token-file") { Description = "File with a one-time token, for the first join; once joined it is not read, and may be gone" };
        var pin = new Option<string?>("--ca-pin") { Description = "sha256:... of the tree's CA, for the first join" };
        var tags = new Option<string[]>("--tag") { Description = "key or key=value; may be repeated", DefaultValueFactory = _ => [] };
        var listen = new Option<string?>("--listen", "-l") { Description = "Where children connect, such as 0.0.0.0:8287; the root's default is 127.0.0.1:8287" };
        var advertise = new Option<string?>("--advertise") { Description = "host:port that children are told" };
        var api = new Option<string?>("--api-listen") { Description = "Serve this controller's own API here, such as 127.0.0.1:8443 (the root's default)" };
        var serve = new Option<string?>("--serve") { Description = "Like --api-listen, and the API also shows the pods, nodes and workloads of all clusters below, as they report them; with --kubeconfig that cluster shows them as pods.fleet.ote.baidu.com and so on (otectl install --fleet)" };
        var serveAdvertise = new Option<string?>("--serve-advertise") { Description = "With --serve and --kubeconfig: host:port by which that cluster's API server comes here" };
        var follow = new Option<string?>("--follow-listen") { Description = "With --kubeconfig: let controller managers (ote controller-manager) come here for what clusters report, such as 0.0.0.0:8288" };
        var followAdvertise = new Option<string?>("--follow-advertise") { Description = "host:port that controller managers are told; needed when --follow-listen names no single address" };
        var kubeconfig = new Option<string?>("--kubeconfig", "-k") { Description = "Keep this controller's objects on a real cluster's API server instead (CRDs by otectl install)" };
        var elect = new Option<bool>("--leader-elect") { Description = "With --kubeconfig: this is one of several replicas of the root, and leads while it holds their lease" };
        var shim = new Option<string?>("--shim", "-r") { Description = "The managed cluster's shim: unix:/path/shim.sock or https://host:port" };
        var shimTls = new Option<string[]>("--shim-tls") { Description = "cert,key,ca files for an https shim", AllowMultipleArgumentsPerToken = false, DefaultValueFactory = _ => [] };
        var managed = new Option<string?>("--managed-kubeconfig") { Description = "Drive the cluster of this kubeconfig without a separate shim" };
        var kind = new Option<string>("--managed-kind") { Description = "k8s or k3s", DefaultValueFactory = _ => "k8s" };
        var impersonate = new Option<string>("--impersonate")
        {
            Description = "With --managed-kubeconfig, requester: act as who asked; none: as the kubeconfig's user",
            DefaultValueFactory = _ => "requester",
        };
        var report = new Option<string[]>("--report") { Description = "With --managed-kubeconfig: a kind to report, such as pods or widgets.example.com, instead of the default ones, or \"default\" for these beside others; may be repeated", DefaultValueFactory = _ => [] };
        var life = new Option<string?>("--certificate-life") { Description = "At the root: how long the certificates it issues are valid, such as 365d (the default) or 24h" };
        var grace = new Option<string?>("--renewal-grace") { Description = "At the root: how long after its end a certificate may still be renewed, such as 30d (the default) or 0s" };
        var policy = new Option<string?>("--command-policy") { Description = "File of CommandPolicy documents: only what they allow is run here or passed on, whatever ancestors say" };
        var messagePolicy = new Option<string?>("--message-policy") { Description = "File of MessagePolicy documents: only messages between clusters that they allow are sent, taken or passed on here" };
        var tokens = new Option<string?>("--api-token-file") { Description = "Bearer tokens of this controller's own API: token,user,uid,\"group,group\" a line; ote:commanders may command" };
        var audit = new Option<string?>("--audit-log") { Description = "File where each command's acceptance and outcome here is noted, a JSON line each (requests to its API: --audit-log-path)" };
        var auditBytes = new Option<long>("--audit-max-bytes") { Description = "How large that file may grow before it takes the place of FILE.1", DefaultValueFactory = _ => 64 * 1024 * 1024 };
        var messages = new Option<string?>("--message-socket") { Description = "Unix socket where applications on this machine send messages to other clusters and take theirs, such as DATA/messages.sock" };
        var common = new CommonOptions();
        var command = new Command("cluster-controller", "A named node of the tree")
        {
            name, data, parent, alternates, token, pin, tags, listen, advertise, api, serve, serveAdvertise, follow, followAdvertise, kubeconfig, elect, shim, shimTls, managed, kind, impersonate, report, life, grace, policy, messagePolicy, tokens, audit, auditBytes, messages,
        };
        var apiAudit = new ApiAuditOptions();
        apiAudit.AddTo(command);
        var history = new HistoryOptions();
        history.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, _) => common.RunAsync(parsed, host =>
        {
            var directory = Path.GetFullPath(parsed.GetRequiredValue(data));
            var isRoot = parsed.GetRequiredValue(name) == ClusterControllerOptions.RootName;
            return ClusterControllerRole.RunAsync(host, new ClusterControllerArguments
            {
                Options = new ClusterControllerOptions
                {
                    Name = parsed.GetRequiredValue(name),
                    DataDirectory = directory,
                    Parent = Address("--parent", parsed.GetValue(parent)),
                    AlternateParents = [.. parsed.GetRequiredValue(alternates).Select(a => Address("--alternate-parent", a)!)],
                    Tags = parsed.GetRequiredValue(tags),
                    Listen = CommonOptions.EndPoint(parsed, listen) ?? (isRoot ? new(System.Net.IPAddress.Loopback, 8287) : null),
                    Advertise = parsed.GetValue(advertise),
                    JoinToken = JoinTokenFile.Read(parsed.GetValue(token), directory, Console.Error),
                    CaPin = parsed.GetValue(pin),
                    CertificateLife = CommonOptions.Duration(parsed, life) ?? CertificateAuthority.DefaultClusterLife,
                    CommandPolicyFile = parsed.GetValue(policy) is { } file ? Path.GetFullPath(file) : null,
                    MessagePolicyFile = parsed.GetValue(messagePolicy) is { } allowed ? Path.GetFullPath(allowed) : null,
                    AuditLogFile = parsed.GetValue(audit) is { } lines ? Path.GetFullPath(lines) : null,
                    AuditMaxBytes = parsed.GetValue(auditBytes),
                    RenewalGrace = CommonOptions.Duration(parsed, grace) ?? TimeSpan.FromDays(30),
                },
                Api = parsed.GetValue(kubeconfig) is null
                    ? CommonOptions.EndPoint(parsed, serve) ?? CommonOptions.EndPoint(parsed, api) ?? (isRoot ? new(System.Net.IPAddress.Loopback, 8443) : null)
                    : null,
                Fleet = FleetOf(parsed.GetValue(kubeconfig) is not null, CommonOptions.EndPoint(parsed, serve), parsed.GetValue(serveAdvertise), directory, apiAudit.Read(parsed)),
                Follow = FollowOf(parsed.GetValue(kubeconfig) is not null, CommonOptions.EndPoint(parsed, follow), parsed.GetValue(followAdvertise), directory),
                ShowsTree = parsed.GetValue(serve) is not null,
                Mirror = history.Read(parsed, parsed.GetValue(serve) is not null),
                ApiTokens = parsed.GetValue(tokens) is { } users && PrivateInput.Objection("--api-token-file", users) is { } objection
                    ? throw new RoleException(objection)
                    : parsed.GetValue(tokens),
                ApiAudit = apiAudit.Read(parsed),
                ControlKubeconfig = parsed.GetValue(kubeconfig),
                LeaderElect = parsed.GetValue(elect),
                Shim = parsed.GetValue(shim),
                ShimTls = parsed.GetRequiredValue(shimTls),
                ManagedKubeconfig = parsed.GetValue(managed),
                ManagedKind = parsed.GetRequiredValue(kind),
                Impersonate = parsed.GetRequiredValue(impersonate),
                Reported = ReportedOf(parsed.GetRequiredValue(report), parsed.GetValue(managed) is not null),
                MessageSocket = parsed.GetValue(messages) is { } socket ? Path.GetFullPath(socket) : null,
                Observe = CommonOptions.EndPoint(parsed, common.Observe),
            });
        }));
        return command;
    }

    private static IReadOnlyList<ReportedKind>? ReportedOf(string[] kinds, bool drives) =>
        kinds.Length == 0 || drives ? Reports.Kinds(kinds) : throw new RoleException("--report: only the shim of a cluster reports; give --managed-kubeconfig, or give --report to the process of its shim");

    private static FleetAt? FleetOf(bool isReal, System.Net.IPEndPoint? listen, string? advertise, string directory, Ote.Kube.Server.Audit.AuditOptions? audit) =>
        isReal && listen is not null ? new FleetAt(listen, advertise, Path.Combine(directory, "fleet", "pki"), audit)
        : advertise is null ? null
        : throw new RoleException("--serve-advertise: only a real cluster's API server is told where the fleet is; give --serve and --kubeconfig, or leave it out");

    private static FollowAt? FollowOf(bool isReal, System.Net.IPEndPoint? listen, string? advertise, string directory) =>
        listen is not null && isReal ? new FollowAt(listen, advertise, Path.Combine(directory, "follow", "pki"))
        : listen is null && advertise is null ? null
        : throw new RoleException($"{(listen is null ? "--follow-advertise" : "--follow-listen")}: controller managers find the root by the real cluster that they share; give --follow-listen and --kubeconfig, or leave it out");

    private static Uri? Address(string option, string? text) =>
        text is null ? null
        : Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "https://" + text, UriKind.Absolute, out var uri) ? uri
        : throw new RoleException($"{option}: '{text}' is not an address; write for instance https://203.0.113.7:8287");
}
