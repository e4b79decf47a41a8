using System.Globalization;
using Ote.Node.Doctor;
using Ote.Node.Install;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Node.Doctor;

public sealed class KubeletExaminationTests : IDisposable
{
    private const string Kubelet = "kubelet.service";
    private readonly Scratch _folder = new("doctor");
    private readonly NodePaths _paths;
    private readonly string _hub;
    private readonly string _direct;
    private bool _isActive = true;

    public KubeletExaminationTests()
    {
        _paths = new NodePaths(_folder["root"]);
        _hub = WriteKubeconfig(Path.Combine(_paths.Kubeconfigs, "kubelet.conf"), "https://127.0.0.1:4444");
        _direct = WriteKubeconfig(Path.Combine(_paths.Root, "etc/kubernetes/kubelet.conf"), "https://10.0.0.1:6443");
        Directory.CreateDirectory(Path.GetDirectoryName(_paths.Unit)!);
        File.WriteAllText(_paths.Unit, HubUnit.Text("/usr/local/bin/ote-node", ["--kubeconfig", _direct, "--listen", "127.0.0.1:4444"], []));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_asks_the_hub_when_its_unit_and_its_process_say_so()
    {
        Runs(7, 1, "/usr/bin/kubelet", "--v=2", "--kubeconfig", _hub);
        await FoundAsync(_hub, Standing.Ok, "runs and asks the hub, by its unit and as process 7");
    }

    [Fact]
    public async Task A_process_that_was_started_before_the_unit_led_to_the_hub_is_told_from_the_unit()
    {
        Runs(7, 1, "/usr/bin/kubelet", $"--kubeconfig={_direct}");
        await FoundAsync(_hub, Standing.Fails, $"leads to the hub, but its process 7 was started with {_direct}, which leads to https://10.0.0.1:6443/: run `systemctl daemon-reload` and `systemctl restart kubelet.service`");
    }

    [Fact]
    public async Task A_unit_that_would_go_past_the_hub_at_its_next_start_is_told_from_the_process()
    {
        Runs(7, 1, "/usr/bin/kubelet", $"--kubeconfig={_hub}");
        await FoundAsync(_direct, Standing.Warning, $"process 7 of kubelet.service asks the hub, but the unit names {_direct}, which leads to https://10.0.0.1:6443/");
    }

    [Fact]
    public async Task One_that_asks_it_by_neither_is_led_there_by_an_installation()
    {
        Runs(7, 1, "/usr/bin/kubelet", $"--kubeconfig={_direct}");
        await FoundAsync(_direct, Standing.Fails, "neither by its unit");
        await FoundAsync(null, Standing.Fails, "neither by its unit (no kubeconfig)");
    }

    [Fact]
    public async Task It_is_the_server_that_counts_and_not_where_the_kubeconfig_lies()
    {
        WriteKubeconfig(_hub, "https://10.0.0.1:6443");
        var own = WriteKubeconfig(Path.Combine(_paths.Root, "own.conf"), "https://127.0.0.1:4444");
        Runs(7, 1, "/usr/bin/kubelet", $"--kubeconfig={_hub}");
        await FoundAsync(_hub, Standing.Fails, $"nor as process 7 ({_hub}, which leads to https://10.0.0.1:6443/)");
        Runs(7, 1, "/usr/bin/kubelet", $"--kubeconfig={own}");
        await FoundAsync(own, Standing.Ok, "asks the hub");
    }

    [Fact]
    public async Task A_kubelet_that_asks_a_hub_which_is_gone_is_said_to_fail_at_its_next_start()
    {
        Runs(7, 1, "/usr/bin/kubelet", $"--kubeconfig={_hub}");
        File.Delete(_hub);
        await FoundAsync(_hub, Standing.Fails, $"names {_hub}, which leads to the hub and is not there: its next start fails. `systemctl restart ote-node.service`");
        File.Delete(_paths.Unit);
        await FoundAsync(_hub, Standing.Fails, "The hub is not installed any more: `ote-node uninstall` leads kubelet.service to its API server again");
    }

    [Fact]
    public async Task Where_a_script_waits_for_the_kubelet_or_a_file_of_variables_names_its_kubeconfig_the_process_tells()
    {
        Runs(7, 1, "/bin/sh", "/opt/start-kubelet");
        Runs(12, 7, "/opt/kubelet", "--kubeconfig", _hub);
        Runs(13, 1, "/usr/bin/kubelet", "--kubeconfig", _direct); // somebody else's
        await FoundAsync(null, Standing.Ok, "asks the hub as process 12");
    }

    [Fact]
    public async Task One_that_does_not_run_is_said_not_to_and_one_that_somebody_else_started_is_named()
    {
        _isActive = false;
        await FoundAsync(_hub, Standing.Fails, "does not run; `journalctl -u kubelet.service` says why");
        await FoundAsync(_direct, Standing.Fails, "does not run, and does not ask the hub when it does");
        Runs(31, 1, "/usr/bin/kubelet", "--kubeconfig", _direct);
        await FoundAsync(_hub, Standing.Fails, $"a kubelet that it did not start does: process 31 with {_direct}");
    }

    [Fact]
    public async Task A_process_that_is_not_shown_is_not_said_to_be_well() =>
        await FoundAsync(_hub, Standing.Warning, "what its process 7 was started with cannot be seen");

    private async Task FoundAsync(string? unitNames, Standing standing, string words)
    {
        var finding = await new KubeletExamination(_paths, new Services(_isActive)).LookAsync(Kubelet, "[Service]", unitNames, TestContext.Current.CancellationToken);
        Assert.Contains(words, finding.Words, StringComparison.Ordinal);
        Assert.Equal(standing, finding.Standing);
    }

    private void Runs(int process, int parent, params string[] words)
    {
        var folder = Path.Combine(_paths.Processes, process.ToString(CultureInfo.InvariantCulture));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "cmdline"), string.Join('\0', words) + '\0');
        File.WriteAllText(Path.Combine(folder, "stat"), $"{process} (a name) with ) it) S {parent} 1 1 0");
    }

    private static string WriteKubeconfig(string file, string server)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(
            file, $$$"""{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"{{{server}}}"}}],"users":[{"name":"u","user":{"token":"t"}}]}""");
        return file;
    }

    private sealed class Services(bool isActive) : IServices
    {
        public Task<IReadOnlyList<string>> JournalAsync(string unit, DateTimeOffset since, CancellationToken cancellation) => Task.FromResult<IReadOnlyList<string>>([]);

        public Task<SystemctlAnswer> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellation) => Task.FromResult(
            arguments[0] == "is-active" && !isActive ? new SystemctlAnswer(false, "", "inactive") : new SystemctlAnswer(true, arguments[0] == "show" ? "MainPID=7\nActiveState=active\n" : "", ""));
    }
}
