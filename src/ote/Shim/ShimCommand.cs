using System.CommandLine;
using Ote.Roles.Hosting;
using Ote.Shim.Kubernetes;
using Ote.Shim.Kubernetes.K3s;
using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Roles.Shim;

/// <summary><c>ote shim k8s|k3s</c>: a shim in a process of its own.</summary>
internal static class ShimCommand
{
    public static Command Create() => new("shim", "Serve a cluster to its controller")
    {
        Kind("k8s", "A Kubernetes cluster", new KubernetesShimOptions()),
        Kind("k3s", "A k3s cluster, with k3s' own paths and smaller limits", K3sShim.Options),
        ConformanceCommand.Create(),
    };

    private static Command Kind(string name, string description, KubernetesShimOptions defaults)
    {
        var listen = new Option<string>("--listen") { Description = "unix:/path/shim.sock, or https://address:port with mutual TLS", Required = true };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = $"The cluster's kubeconfig (default: {(name == "k3s" ? K3sShim.KubeconfigPath : "$KUBECONFIG, else ~/.kube/config")})" };
        var context = new Option<string?>("--context") { Description = "Context in it" };
        var allow = new Option<string[]>("--allow") { Description = "What may pass, such as 'GET,PATCH /apis/apps/**'; may be repeated", DefaultValueFactory = _ => [] };
        var impersonate = new Option<string>("--impersonate") { Description = "requester: act as who asked; none: as the kubeconfig's user", DefaultValueFactory = _ => "requester" };
        var certificate = new Option<string?>("--tls-cert") { Description = "Server certificate for https, PEM" };
        var key = new Option<string?>("--tls-key") { Description = "Its key, PEM" };
        var authority = new Option<string?>("--client-ca") { Description = "CA of the callers' certificates, PEM" };
        var names = new Option<string[]>("--client-name") { Description = "Common names that may call; may be repeated", DefaultValueFactory = _ => [] };
        var reports = new Option<string?>("--reports") { Description = "Report what there is in the cluster, and keep in this directory what is to be told; without it, the cluster does not report" };
        var report = new Option<string[]>("--report") { Description = "With --reports: a kind to report, such as pods or widgets.example.com, instead of the default ones, or \"default\" for these beside others; may be repeated", DefaultValueFactory = _ => [] };
        var common = new CommonOptions();
        var command = new Command(name, description) { listen, kubeconfig, context, allow, impersonate, certificate, key, authority, names, reports, report };
        common.AddTo(command);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            // The shim asks its cluster by itself, at a pace of its own; who asks here hears the last answer.
            string? notReady = "the managed cluster has not answered yet";
            await using var observed = await Observation.StartAsync(CommonOptions.EndPoint(parsed, common.Observe), host, $"shim-{name}", () => Volatile.Read(ref notReady)).ConfigureAwait(false);
            var options = new ShimRoleOptions
            {
                Listen = parsed.GetRequiredValue(listen),
                Kubeconfig = parsed.GetValue(kubeconfig),
                Context = parsed.GetValue(context),
                Allow = parsed.GetRequiredValue(allow),
                Impersonate = parsed.GetRequiredValue(impersonate),
                TlsCertificate = parsed.GetValue(certificate),
                TlsKey = parsed.GetValue(key),
                ClientAuthority = parsed.GetValue(authority),
                ClientNames = parsed.GetRequiredValue(names),
            };
            using var held = parsed.GetValue(reports) is { } kept ? DataLock.Take(Path.GetFullPath(kept), "--reports") : null;
            await KubernetesShimRole.RunAsync(
                options, defaults, host.Meters, host.Loggers, host.Time, host.Random, host.Stop,
                address =>
                {
                    Console.Out.WriteLine($"ready {address}");
                    host.Settle();
                },
                now => Volatile.Write(ref notReady, now.Ready ? null : now.Text),
                (shim, endpoint) => parsed.GetValue(reports) is { } folder
                    ? Reports.Around(shim, endpoint, Path.GetFullPath(folder), Reports.Kinds(parsed.GetRequiredValue(report)), host)
                    : parsed.GetRequiredValue(report) is [] ? shim : throw new RoleException("--report: without --reports DIRECTORY nothing is reported; give both")).ConfigureAwait(false);
        }));
        return command;
    }
}
