using System.Text.RegularExpressions;

namespace Ote.SystemTests.Fleet;

/// <summary>
/// Commands of kubectl that are run at a cluster itself and elsewhere, one after the other, and have to say the same and end alike. <c>{x}</c> in a command is <c>d</c> where it is run at the cluster and
/// <c>t</c> elsewhere, so that what changes something has an object of its own; <c>{s}</c> is nothing at the cluster, and elsewhere what is behind the names of objects there.
/// </summary>
internal sealed partial class CommandList
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly string _suffix;
    private readonly List<(string Line, string? Input)> _commands = [];

    private CommandList(string suffix) => _suffix = suffix;

    public int Count => _commands.Count;

    /// <summary>For <c>/clusters/NAME</c>, where everything is as at the cluster.</summary>
    /// <param name="shop">Where.</param>
    /// <param name="old">For kubectl 1.20, which sends <c>--raw</c> past the path of its server.</param>
    public static CommandList OfOneCluster(Shop shop, bool old)
    {
        CommandList list = new("");
        string ns = $"-n {shop.Namespace}";
        list.Add(
            "get --raw /version", "get --raw /healthz", "api-versions", "api-resources --verbs=list -o name", "get namespaces -o name", "get nodes -o name", "get nodes -o wide",
            $"get pods {ns}", $"get pods {ns} -o wide", $"get pods {ns} -o name", $"get pods {ns} -o yaml", $"get pods {ns} -o json", $"get pods {ns} -l app=web --show-labels",
            $"get pods {ns} --field-selector status.phase=Running --no-headers", $"get pods {ns} --sort-by=.metadata.name", $"get pods {ns} -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName",
            $"get pods {ns} --chunk-size=1", $"get pod {shop.Pod} {ns} -o jsonpath={{.status.podIP}}", $"get deployments,replicasets,services,configmaps,secrets {ns}", $"get all {ns}",
            $"get deployment web {ns} -o yaml", $"get endpoints web {ns}", $"get service web {ns} -o jsonpath={{.spec.clusterIP}}", $"get secret key {ns} -o jsonpath={{.data.password}}",
            $"get configmap settings {ns} -o yaml", $"get serviceaccounts {ns} -o name", $"get events {ns} --field-selector reason=Scheduled -o name", $"get cronjobs {ns}", $"get jobs {ns}",
            $"get --raw /api/v1/namespaces/{shop.Namespace}/configmaps/settings", $"get pod nobody {ns}", "get nonsense", $"describe deployment web {ns}", $"describe pod {shop.Pod} {ns}",
            $"describe service web {ns}", $"describe configmap settings {ns}", $"describe secret key {ns}", "explain pod.spec.containers", "explain deployment.spec.strategy",
            $"auth can-i create pods {ns}", $"logs {shop.Pod} {ns}", $"logs deployment/web {ns} --tail=1", $"logs job/once {ns}", $"logs {shop.Pod} {ns} --previous", $"logs -l app=web {ns} --tail=1",
            $"exec {shop.Pod} {ns} -- echo inside", $"exec {shop.Pod} {ns} -- false", $"exec {shop.Pod} {ns} -- cat /www/index.html", $"exec deployment/web {ns} -- ls /www", $"exec {shop.Pod} {ns} -- no-such-command",
            $"top pod {ns}", $"rollout status deployment/web {ns}", $"rollout history deployment/web {ns}", $"wait --for=condition=available deployment/web {ns} --timeout=10s");
        if (old)
            list._commands.RemoveAll(command => command.Line.StartsWith("get --raw", StringComparison.Ordinal));
        list.AddWithInput($"exec -i {shop.Pod} {ns} -- cat", "typed in");
        list.Add(
            $"create configmap made-{{x}} {ns} --from-literal=a=b", $"label configmap made-{{x}} {ns} tier=edge", $"annotate configmap made-{{x}} {ns} note=yes",
            $"patch configmap made-{{x}} {ns} --type=merge -p {{\"data\":{{\"c\":\"d\"}}}}", $"get configmap made-{{x}} {ns} -o jsonpath={{.metadata.labels.tier}}{{.data}}",
            $"create configmap made-{{x}} {ns} --from-literal=a=b", $"create deployment slow-{{x}} {ns} --image=none.invalid/none:1", $"scale deployment slow-{{x}} {ns} --replicas=0",
            $"set image deployment/slow-{{x}} {ns} none=none.invalid/none:2", $"set env deployment/slow-{{x}} {ns} A=B", $"rollout pause deployment/slow-{{x}} {ns}", $"rollout resume deployment/slow-{{x}} {ns}",
            $"rollout undo deployment/slow-{{x}} {ns} --dry-run=server", $"expose deployment slow-{{x}} {ns} --port=80", $"autoscale deployment slow-{{x}} {ns} --max=2", $"create serviceaccount robot-{{x}} {ns}",
            $"create role reader-{{x}} {ns} --verb=get --resource=pods", $"create rolebinding reader-{{x}} {ns} --role=reader-{{x}} --serviceaccount={shop.Namespace}:robot-{{x}}");
        list.AddWithInput($"apply {ns} -f -", Applied("1"));
        list.AddWithInput($"apply {ns} -f -", Applied("2"));
        list.AddWithInput($"apply {ns} --server-side --force-conflicts -f -", Applied("3"));
        list.AddWithInput($"replace {ns} -f -", Applied("4"));
        list.AddWithInput($"apply {ns} -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n");
        list.Add(
            $"get configmap applied-{{x}} {ns} -o jsonpath={{.data.v}}", $"delete configmap made-{{x}} applied-{{x}} {ns}", $"delete deployment/slow-{{x}} service/slow-{{x}} hpa/slow-{{x}} {ns}",
            $"delete configmap made-{{x}} {ns}", $"delete pod nobody {ns} --ignore-not-found");
        return list;
    }

    /// <summary>For the fleet: of what is shown there, what does not depend on the fields that are not reported.</summary>
    public static CommandList OfTheFleet(Shop shop, string cluster)
    {
        CommandList list = new("-" + cluster);
        string ns = $"-n {shop.Namespace}";
        string pod = shop.Pod + "{s}";
        list.AddWithInput($"exec -i {pod} {ns} -- cat", "typed in");
        list.Add(
            $"get pods {ns} -o name", $"get pods {ns} -l app=web -o name", $"get pods {ns} --field-selector status.phase=Running -o name", $"get pods {ns} --field-selector status.phase=Succeeded -o name",
            $"get pods {ns} --chunk-size=1 -o name", $"get pods {ns} --no-headers -o custom-columns=NAME:.metadata.name,IP:.status.podIP,PHASE:.status.phase", $"get pod {pod} {ns} -o jsonpath={{.status.podIP}}",
            $"get pod {pod} {ns} -o jsonpath={{.spec.containers[0].image}}", $"get pod {pod} {ns} -o jsonpath={{.spec.containers[0].resources.requests.cpu}}", $"get pod {pod} {ns} -o jsonpath={{.metadata.uid}}",
            $"get events {ns} --field-selector involvedObject.name={pod},reason=Scheduled -o jsonpath={{.items[*].reason}}", $"get deployments {ns} -o name", $"get deployment web{{s}} {ns} -o jsonpath={{.status.readyReplicas}}", $"get deployment web{{s}} {ns} -o jsonpath={{.spec.replicas}}", $"get services {ns} -o name",
            $"get service web{{s}} {ns} -o jsonpath={{.spec.clusterIP}}", $"get jobs {ns} -o name", $"get job once{{s}} {ns} -o jsonpath={{.status.succeeded}}", $"get cronjobs {ns} -o name",
            $"get cronjob nightly{{s}} {ns} -o jsonpath={{.spec.schedule}}", $"get endpointslices {ns} -l kubernetes.io/service-name=web -o jsonpath={{.items[0].endpoints[*].addresses[0]}}",
            $"wait --for=condition=available deployment/web{{s}} {ns} --timeout=20s", $"wait --for=condition=complete job/once{{s}} {ns} --timeout=20s", $"rollout status deployment/web{{s}} {ns} --timeout=20s",
            $"logs {pod} {ns}", $"logs {pod} {ns} --tail=1", $"logs deployment/web{{s}} {ns} --tail=1", $"logs job/once{{s}} {ns}", $"exec {pod} {ns} -- echo inside", $"exec {pod} {ns} -- false", $"exec {pod} {ns} -- cat /www/index.html",
            $"label pod {pod} {ns} seen={{x}} --overwrite", $"annotate pod {pod} {ns} note={{x}} --overwrite", $"scale deployment web{{s}} {ns} --replicas=3", $"rollout status deployment/web{{s}} {ns} --timeout=30s",
            $"get deployment web{{s}} {ns} -o jsonpath={{.status.readyReplicas}}", $"scale deployment web{{s}} {ns} --replicas=2", $"patch deployment web{{s}} {ns} -p {{\"metadata\":{{\"labels\":{{\"by\":\"{{x}}\"}}}}}}",
            $"delete cronjob nightly{{s}} {ns} --dry-run=server", "get pod nobody{s} -n default", "delete pod nobody{s} -n default");
        return list;
    }

    /// <summary>Runs all at the cluster and elsewhere; what differs, for people.</summary>
    public async Task<string> DifferencesAsync(Kubectl direct, Kubectl elsewhere, CancellationToken ct)
    {
        List<string> differences = [];
        foreach ((string line, string? input) in _commands)
        {
            CommandResult here = await RunAsync(direct, line, input, "d", "", ct);
            CommandResult there = await RunAsync(elsewhere, line, input, "t", _suffix, ct);
            (string expected, string actual) = (Normal(here, "d", ""), Normal(there, "t", _suffix));
            if (expected != actual)
                differences.Add($"kubectl {line}\n--- at the cluster\n{expected}\n--- elsewhere\n{actual}\n");
        }
        return string.Join('\n', differences);
    }

    private static string Applied(string value) => $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: applied-{{x}}}}\ndata: {{v: '{value}'}}\n";

    private static Task<CommandResult> RunAsync(Kubectl kubectl, string line, string? input, string x, string suffix, CancellationToken ct) =>
        kubectl.RunAsync(Filled(line, x, suffix).Split(' '), input is null ? null : Filled(input, x, suffix), s_patience, ct);

    private static string Filled(string text, string x, string suffix) => text.Replace("{x}", x, StringComparison.Ordinal).Replace("{s}", suffix, StringComparison.Ordinal);

    /// <summary>Without what differs between any two runs: ages, times, versions of objects, and where the API is.</summary>
    private static string Normal(CommandResult result, string x, string suffix)
    {
        string text = $"{result.Out}{result.Error}exit {result.ExitCode}\n";
        text = Waiting().Replace(text, "");
        text = Ages().Replace(Times().Replace(Servers().Replace(Versions().Replace(text, "VERSION"), "SERVER"), "TIME"), "AGE");
        text = Twins($"-{x}").Replace(text, "-X");
        if (suffix.Length > 0)
            text = Shown(suffix).Replace(text, "");
        return Blanks().Replace(text, " ");
    }

    private static Regex Twins(string twin) => new($"(?<=(made|slow|robot|reader|applied)){twin}\\b");

    private static Regex Shown(string suffix) => new($"(?<=[a-z0-9]){suffix}\\b(?!-)");

    private void Add(params string[] lines) => _commands.AddRange(lines.Select(line => (line, (string?)null)));

    private void AddWithInput(string line, string input) => _commands.Add((line, input));

    [GeneratedRegex(@"\b\d+(d|h|m|s)(\d+(h|m|s))?\b( ago)?|<unknown>|<invalid>")]
    private static partial Regex Ages();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT[0-9:.]+Z|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [0-9:]+ [+-]\d{4}|[EIW]\d{4} [0-9:.]+ +\d+|\b[0-9a-f]{64}\b")]
    private static partial Regex Times();

    [GeneratedRegex(@"https://[0-9.:]+(/clusters/[a-z]+)?")]
    private static partial Regex Servers();

    [GeneratedRegex(@"(?<=resourceVersion""?: ?""?)\d+")]
    private static partial Regex Versions();

    // What is told on the way depends on when it is looked at.
    [GeneratedRegex(@"(?m)^Waiting for .*\n")]
    private static partial Regex Waiting();

    [GeneratedRegex(@"[ \t]+")]
    private static partial Regex Blanks();
}
