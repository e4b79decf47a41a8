using Ote.Node.Install;
using Ote.Roles.Hosting;

namespace Ote.Tests.Node.Install;

public sealed class InstallationTests : InstallableNode
{
    [Fact]
    public async Task The_hub_answers_before_the_kubelet_is_led_there()
    {
        await InstallAsync();
        Assert.Equal(
            [$"cat {Kubelet}", "daemon-reload", "enable ote-node.service", "restart ote-node.service", "daemon-reload", $"restart {Kubelet}"],
            _services.Asked.Where(asked => !asked.StartsWith("show ", StringComparison.Ordinal)));
        Assert.Contains($"--kubeconfig={_paths.Kubeconfigs}/kubelet.conf", File.ReadAllText(_paths.DropIn(Kubelet)), StringComparison.Ordinal);
        Assert.Contains($"--write-kubeconfigs {_paths.Kubeconfigs}", File.ReadAllText(_paths.Unit), StringComparison.Ordinal);
        Assert.Equal(_paths.Program, new FileInfo(_paths.Command).LinkTarget);
        Assert.Contains($"ExecStart={_paths.Program} edgehub ", File.ReadAllText(_paths.Unit), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_paths.Data));
        _services.Unit += $"\n\n# {_paths.DropIn(Kubelet)}\n{File.ReadAllText(_paths.DropIn(Kubelet)).Replace("ExecStart=", "ExecStart=/elsewhere ", StringComparison.Ordinal)}";
        await InstallAsync(); // again, as for a newer executable
        Assert.DoesNotContain("/elsewhere", File.ReadAllText(_paths.DropIn(Kubelet)), StringComparison.Ordinal);
        Assert.Contains($"--kubeconfig={_paths.Kubeconfigs}/kubelet.conf", File.ReadAllText(_paths.DropIn(Kubelet)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MainPID=0\nActiveState=activating\n", "it ended soon after its start")] // it died, and systemd waits for a moment before it starts it anew
    [InlineData("MainPID=8\nActiveState=active\n", "it ended soon after its start")] // it was started anew already
    [InlineData(null, "did not ask the hub within 60 s")]
    public async Task A_kubelet_that_does_not_live_behind_the_hub_is_started_as_before(string? becomes, string why)
    {
        _isAsked = becomes is not null;
        _services.Becomes = becomes ?? _services.State;
        var message = (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message;
        Assert.Contains("was started as before", message, StringComparison.Ordinal);
        Assert.Contains(why, message, StringComparison.Ordinal);
        Assert.False(File.Exists(_paths.DropIn(Kubelet)));
        Assert.Equal(["daemon-reload", $"restart {Kubelet}", "disable --now ote-node.service", "daemon-reload"], _services.Asked.TakeLast(4)); // the kubelet first
    }

    [Fact]
    public async Task What_systemctl_says_of_a_failure_is_told()
    {
        _services.Fails.Add("enable ote-node.service");
        Assert.Contains("systemctl enable ote-node.service failed: no enable ote-node.service here", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/etc/kubernetes/kubelet.conf")]
    [InlineData("/etc/a folder/with \"quotes\" and \\/100%/$HOME.conf")]
    public void The_doctor_reads_what_the_unit_names(string kubeconfig)
    {
        Assert.Equal([kubeconfig, "/x"], HubUnit.KubeconfigsOf(HubUnit.Text("/usr/local/bin/ote-node", ["--kubeconfig", kubeconfig, "--share-reads", "--kubeconfig=/x"], ["/var/lib/ote-node"])));
        Assert.Equal([kubeconfig], HubUnit.KubeconfigsOf(HubUnit.Text("/usr/local/bin/ote-node", [$"--kubeconfig={kubeconfig}", "--node-name", "n"], [])));
    }

    [Theory]
    [InlineData("ote-node", "libe_sqlite3.so")] // published
    [InlineData("ote-node", "ote-node.dll", "Ote.EdgeHub.dll", "runtimes/linux-x64/native/libe_sqlite3.so")] // built
    public async Task What_the_program_loads_from_beside_it_goes_with_it_and_what_is_of_no_use_to_it_does_not(params string[] parts)
    {
        Directory.Delete(Path.GetDirectoryName(_program)!, recursive: true);
        foreach (var part in parts.Append("ote-node.pdb").Append("ote-node.xml"))
        {
            var file = Path.Combine(Path.GetDirectoryName(_program)!, part);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, part, Token);
        }

        await InstallAsync();
        Assert.Equal(parts.Order(StringComparer.Ordinal), Directory.EnumerateFiles(_paths.Programs, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_paths.Programs, file)).Order(StringComparer.Ordinal));
        Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(_paths.Program));
    }

    [Fact]
    public async Task A_published_program_without_its_library_is_not_installed()
    {
        File.Delete(Path.Combine(Path.GetDirectoryName(_program)!, "libe_sqlite3.so"));
        Assert.StartsWith($"libe_sqlite3.so, without which {_program} cannot run the hub, is not beside it", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
        Assert.Empty(Left());
    }

    [Fact]
    public async Task Another_program_takes_the_place_of_the_installed_one_with_all_that_belongs_to_it()
    {
        await InstallAsync();
        await File.WriteAllTextAsync(Path.Combine(_paths.Programs, "of-the-former"), "", Token);
        Publish("a newer executable");
        await InstallAsync();
        Assert.Equal(("a newer executable", "a newer executable's library"), (File.ReadAllText(_paths.Command), File.ReadAllText(Path.Combine(_paths.Programs, "libe_sqlite3.so"))));
        Assert.False(File.Exists(Path.Combine(_paths.Programs, "of-the-former")));
        await InstallAsync(_paths, Arguments, _paths.Program); // itself, for other options
        Assert.Equal([_paths.Command, _paths.Programs], Left().Where(path => path.StartsWith(Path.Combine(_paths.Root, "usr"), StringComparison.Ordinal)));
        Assert.Equal("a newer executable", File.ReadAllText(_paths.Command));
    }

    [Fact]
    public async Task Options_by_which_the_hub_cannot_start_are_told_before_the_one_that_runs_is_touched()
    {
        await InstallAsync();
        var (unit, before) = (File.ReadAllText(_paths.Unit), _services.Changed.Count());
        Publish("a newer executable");
        _unfit = "kubeconfig /nope: there is none";
        Assert.Equal("kubeconfig /nope: there is none; nothing was changed", (await Assert.ThrowsAsync<RoleException>(() => InstallAsync(_paths, ["--kubeconfig", "/nope"]))).Message);
        Assert.Equal((unit, "the executable", before), (File.ReadAllText(_paths.Unit), File.ReadAllText(_paths.Program), _services.Changed.Count()));
        Assert.False(Directory.Exists(_paths.Programs + ".new"));
    }

    [Fact]
    public async Task What_the_hub_warns_of_when_its_options_are_looked_at_is_told()
    {
        _warnings = ["None of the kubeconfigs is the kubelet's"];
        await InstallAsync();
        Assert.Contains("warning: None of the kubeconfigs is the kubelet's", _said);
    }

    [Fact]
    public async Task What_the_hub_says_of_why_it_does_not_start_is_told_with_how_long_it_was_waited_for()
    {
        (_answers, _services.Journal) = (false, ["Main process exited", "error: Cannot listen on 127.0.0.1:10261: it is in use.", "Scheduled restart job"]);
        Assert.Equal(
            "the hub does not answer within 30 s (Cannot listen on 127.0.0.1:10261: it is in use). The kubelet was left as it is", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message);
    }

    [Theory]
    [InlineData("ActiveState=failed\nNRestarts=0\n", "ActiveState=failed\nNRestarts=0\n", "the hub ended (it is in use). The kubelet")]
    [InlineData("ActiveState=activating\nNRestarts=5\n", "ActiveState=active\nNRestarts=7\n", "the hub ends as soon as it is started (it is in use). The kubelet")]
    [InlineData("ActiveState=active\nNRestarts=5\n", "ActiveState=active\nNRestarts=6\n", "the hub does not answer within 30 s (it is in use)")] // once it may
    public async Task A_hub_whose_process_ends_again_and_again_is_not_waited_for(string first, string then, string said)
    {
        (_answers, _services.Journal, var began) = (false, ["error: it is in use."], _time.GetUtcNow());
        (_services.HubState, _services.HubBecomes) = (first, then);
        Assert.StartsWith(said, (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
        Assert.Equal(said.Contains("30 s", StringComparison.Ordinal), _time.GetUtcNow() - began > TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Where_a_k3s_agent_is_the_kubelet_an_installation_says_what_to_do_for_that()
    {
        _services.Fails.Add($"cat {Kubelet}");
        Assert.StartsWith(
            $"there is no unit {Kubelet}, and nothing was changed: k3s-agent.service runs this node's kubelet, which install does not lead. For a k3s agent run `ote-node edgehub --k3s-agent DIR",
            (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_machine_without_that_unit_is_told_so()
    {
        _services.Fails.UnionWith([$"cat {Kubelet}", "cat k3s-agent.service", "cat k3s.service"]);
        Assert.Contains("--kubelet-unit", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hub_that_somebody_runs_by_hand_is_not_taken_for_the_one_that_is_installed_and_nothing_is_changed()
    {
        var listens = new List<string?>();
        _othersHave = (data, listen) =>
        {
            listens.Add($"{listen}");
            return $"another process of ote has the folder {data}";
        };
        Assert.StartsWith(
            $"another process of ote has the folder {_paths.Data}, ote-node.service does not run, and nothing was changed: end the hub that was started by hand first", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<RoleException>(() => InstallAsync(_paths, [.. Arguments, "--listen", "10.0.0.7:4444"]));
        Assert.Equal(["127.0.0.1:10261", "10.0.0.7:4444"], listens);
        Assert.Empty(_services.Changed);
        Assert.Empty(Left());
        Assert.False(Directory.Exists(_paths.Programs + ".new"));
    }

    [Fact]
    public async Task What_the_installed_hub_has_itself_while_it_runs_keeps_a_newer_one_from_nothing()
    {
        await InstallAsync();
        _othersHave = (data, _) => $"another process of ote has the folder {data}";
        await InstallAsync();
        _services.Fails.Add("is-active ote-node.service");
        var before = _services.Changed.Count();
        Assert.Contains("end the hub that was started by hand first", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
        Assert.Equal(before, _services.Changed.Count());
    }
}
