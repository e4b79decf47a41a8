using Ote.Node.Doctor;
using Ote.Node.Install;
using Ote.Roles.Hosting;
using Ote.Tests.Node.Install;

namespace Ote.Tests.Node.Doctor;

public sealed class ExaminationTests : InstallableNode
{
    [Fact]
    public async Task Another_data_folder_is_writable_for_the_hub_found_by_the_doctor_and_removed_when_that_is_asked_for()
    {
        var data = _folder["srv/hub"];
        await InstallAsync(_paths with { Data = data }, [.. Arguments, "--data", data, "--listen", "127.0.0.1:4444"]);
        Assert.Contains($"ReadWritePaths={data} {_paths.Kubeconfigs}", File.ReadAllText(_paths.Unit), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_paths.Data));
        Assert.Equal(data, _paths.WithData(null).Data);
        await InstallAsync();
        Assert.Contains($"{data}, where the hub kept its cache before, stays: what was written while cut off and had not been told is in it", _said);
        Assert.Contains($"ote-node.service keeps its cache in {_paths.Data}, not in {data}", await ExamineAsync(_paths.WithData(data)), StringComparison.Ordinal);
        await InstallAsync(_paths with { Data = data }, [.. Arguments, "--data", data, "--listen", "127.0.0.1:4444"]);

        WriteKubeconfig(Path.Combine(_paths.Kubeconfigs, "kubelet.conf"), "https://127.0.0.1:4444");
        var doctor = await ExamineAsync(_paths.WithData(null));
        Assert.Contains($"{data} is the owner's alone", doctor, StringComparison.Ordinal);
        Assert.Contains("ok       hub          it answers the kubelet at https://127.0.0.1:4444/", doctor, StringComparison.Ordinal);
        Assert.Contains($"ote-node.service keeps its cache in {data}, not in /elsewhere", await ExamineAsync(_paths.WithData("/elsewhere")), StringComparison.Ordinal);
        WriteKubeconfig(Path.Combine(_paths.Kubeconfigs, "kubelet.conf"), "https://127.0.0.1:10261"); // of a hub that was told to listen elsewhere since
        Assert.Contains("FAILS    hub          it listens at 127.0.0.1:4444 by its unit, and ", await ExamineAsync(_paths.WithData(null)), StringComparison.Ordinal);

        await Taken(_paths.WithData(null)).RunAsync(Kubelet, purge: false, Token);
        Assert.EndsWith($"(`ote-node uninstall --purge --data {data}` removes it)", _said[^1], StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(data, "notes"), "somebody's", Token);
        await Assert.ThrowsAsync<RoleException>(() => Taken(_paths.WithData(data)).RunAsync(Kubelet, purge: true, Token));
        File.Delete(Path.Combine(data, "notes"));
        await Taken(_paths.WithData(data)).RunAsync(Kubelet, purge: true, Token);
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task The_doctor_finds_an_installed_hub_well_and_says_what_is_wrong_with_one_that_is_not()
    {
        await InstallAsync();
        _services.Unit = File.ReadAllText(_paths.DropIn(Kubelet));
        Runs("/usr/bin/kubelet", $"--kubeconfig={_paths.Kubeconfigs}/kubelet.conf");
        File.SetUnixFileMode(_paths.Data, (UnixFileMode)0b111_101_101);
        _services.Fails.Add("is-active ote-node.service");
        var findings = await new Examination(_paths, _services, AnswerAsync, _ => 1_000_000_000, _time).LookAsync(Kubelet, Token);
        Assert.Equal(
            ["service FAILS", "kubelet FAILS", "hub FAILS", "credentials FAILS", "cache FAILS", "disk ok"],
            findings.Select(finding => $"{finding.Check} {(finding.Standing == Standing.Fails ? "FAILS" : "ok")}"));
        Assert.Contains("chmod 700", DoctorCommand.Text(findings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1000L, "FAILS", "no room is left where")]
    [InlineData(100_000_000L, "warning", "95 MiB are free where")]
    [InlineData(1_000_000_000L, "ok", "there is room")]
    public async Task The_doctor_says_how_much_room_the_disk_has(long free, string standing, string words)
    {
        await InstallAsync();
        var findings = await new Examination(_paths, _services, AnswerAsync, _ => free, _time).LookAsync(Kubelet, Token);
        var line = DoctorCommand.Text([Assert.Single(findings, finding => finding.Check == "disk")]);
        Assert.StartsWith(standing, line, StringComparison.Ordinal);
        Assert.Contains(words, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nothing_is_installed_an_API_server_that_answers_is_not_taken_for_a_hub()
    {
        var direct = Path.Combine(_paths.Root, "kubelet.conf");
        WriteKubeconfig(direct, "https://10.0.0.1:6443");
        _services.Unit = $"[Service]\nExecStart=/usr/bin/kubelet --kubeconfig={direct}";
        var told = await ExamineAsync(_paths);
        Assert.Equal(["FAILS    service", "FAILS    kubelet"], told.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[..16]));
        _services.Fails.UnionWith([$"cat {Kubelet}", "cat k3s-agent.service", "cat k3s.service"]);
        Assert.Equal(2, (await ExamineAsync(_paths)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains($"{_paths.Data}/nope is not there", await ExamineAsync(_paths with { Data = $"{_paths.Data}/nope" }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SubState=auto-restart\nNRestarts=1\n", false, "FAILS    service", "ends by itself, and was started anew 1 times (the disk is gone); `journalctl", 300)] // between two starts
    [InlineData("SubState=auto-restart-queued\nNRestarts=1\n", false, "FAILS    service", "ends by itself, and was started anew 1 times (the disk is gone); `journalctl", 300)] // as systemd 254 says
    [InlineData("SubState=running\nNRestarts=1\n", false, "FAILS    service", "ends by itself, and was started anew 1 times (the disk is gone); `journalctl", 300)] // started between two questions
    [InlineData("SubState=running\nNRestarts=3\nExecMainStartTimestampMonotonic=991000000\n", true, "FAILS    service", "ends by itself, and was started anew 3 times (the disk is gone); `journalctl", 300)]
    [InlineData("SubState=running\nNRestarts=3\nExecMainStartTimestampMonotonic=990000000\n", true, "warning  service", "was started anew 3 times, the last time 10 s ago (the disk is gone); `journalctl", 15)]
    [InlineData("SubState=running\nNRestarts=3\nExecMainStartTimestampMonotonic=941000000\n", true, "warning  service", "was started anew 3 times, the last time 59 s ago (the disk is gone); `journalctl", 64)]
    [InlineData("SubState=running\nNRestarts=3\nExecMainStartTimestampMonotonic=940000000\n", true, "ok       service", "ote-node.service runs", null)]
    [InlineData("SubState=running\nNRestarts=2\nExecMainStartTimestampMonotonic=991000000\n", true, "ok       service", "ote-node.service runs", null)]
    [InlineData("SubState=failed\nNRestarts=0\nResult=exit-code\n", false, "FAILS    service", "does not run (the disk is gone); `journalctl", 300)]
    [InlineData("SubState=dead\nNRestarts=0\nResult=success\n", false, "FAILS    service", "does not run; `journalctl", null)] // it was told to stop
    public async Task A_hub_that_ends_again_and_again_fails_until_it_stays_and_is_warned_of_for_a_minute_with_what_it_said_of_its_last_end(string state, bool isActive, string standing, string said, int? journalOfSeconds)
    {
        await InstallAsync();
        Directory.CreateDirectory(_paths.Processes);
        await File.WriteAllTextAsync(Path.Combine(_paths.Processes, "uptime"), "1000.00 900.00\n", Token);
        (_services.HubState, _services.Journal) = (state, ["error: the disk is gone."]);
        _services.Fails.UnionWith(isActive ? [] : ["is-active ote-node.service"]);
        var told = (await ExamineAsync(_paths)).Split('\n')[0];
        Assert.StartsWith(standing, told, StringComparison.Ordinal);
        Assert.Contains(said, told, StringComparison.Ordinal);
        Assert.Equal(journalOfSeconds, (_time.GetUtcNow() - _services.JournalSince)?.TotalSeconds);
    }

    [Fact]
    public async Task A_unit_of_an_agent_that_there_is_not_is_said_not_to_be_there_and_what_makes_one()
    {
        _services.Fails.Add("cat k3s-agent.service");
        var told = await ExamineAsync(_paths, "k3s-agent.service");
        Assert.Contains("FAILS    kubelet  there is no unit k3s-agent.service; a k3s agent's own installation makes k3s-agent.service (`curl -sfL https://get.k3s.io | ", told, StringComparison.Ordinal);
        Assert.DoesNotContain("--kubelet-unit", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_systemd_does_not_run_each_command_says_at_once_how_a_hub_is_run()
    {
        Directory.Delete(_paths.Systemd, recursive: true);
        foreach (var (command, run) in ((string, Func<Task>)[])
            [
                ("install", () => Task.Run(() => InstallCommand.Prepared(_paths, "k3s-agent.service", ["--no-such-option"], "/srv", _said.Add), Token)),
                ("uninstall", () => Taken().RunAsync(null, purge: true, Token)), ("doctor", () => ExamineAsync(_paths)),
            ])
        {
            var message = (await Assert.ThrowsAsync<RoleException>(run)).Message;
            Assert.StartsWith($"systemd does not run here (there is no folder {_paths.Systemd}), and {command} is for a kubelet that is a service of it{(command == "doctor" ? "" : "; nothing was changed")}: run the hub by hand", message, StringComparison.Ordinal);
            Assert.Contains("\"Nodes that are cut off\" under \"By hand\"", message, StringComparison.Ordinal);
        }

        Assert.Empty(_services.Asked);
    }

    [Theory]
    [InlineData("shop", "127.0.0.1:4444", true)]
    [InlineData("shop", "0.0.0.0:4444", true)]
    [InlineData("shop", "10.0.0.7:4444", false)]
    [InlineData(null, "127.0.0.1:4444", false)]
    public async Task A_node_of_a_site_whose_hub_nobody_there_reaches_is_told_to_listen_where_they_do(string? site, string listen, bool isTold)
    {
        _site = site;
        await InstallAsync(_paths, [.. Arguments, "--listen", listen]);
        WriteKubeconfig(Path.Combine(_paths.Kubeconfigs, "kubelet.conf"), $"https://{listen}");
        Assert.Equal(isTold, (await ExamineAsync(_paths)).Contains("warning  site         this node has label ote.baidu.com/site=shop, and its hub listens", StringComparison.Ordinal));
        Assert.Equal(isTold, _said.Any(line => line.StartsWith("warning: this node has label", StringComparison.Ordinal) && line.Contains("NODE-ADDRESS:4444", StringComparison.Ordinal)));
        Assert.Equal("next: `ote-node doctor`", _said[^1]);
    }

    [Fact]
    public async Task A_k3s_agent_is_told_what_leads_it_and_its_hub_is_asked_where_the_agent_does()
    {
        var agent = _folder["agent"];
        Directory.CreateDirectory(agent);
        WriteKubeconfig(Path.Combine(agent, "kubelet.kubeconfig"), "https://127.0.0.1:6444");
        await File.WriteAllTextAsync(_paths.Unit, HubUnit.Text("/usr/local/lib/ote-node/ote-node", ["--k3s-agent", agent, "--server", "https://10.0.0.1:6443"], []), Token);
        Assert.Contains("k3s-agent.service does not ask the hub: there is no ", await ExamineAsync(_paths, "k3s-agent.service"), StringComparison.Ordinal);
        Directory.CreateDirectory(Path.GetDirectoryName(_paths.K3sLead)!);
        await File.WriteAllTextAsync(_paths.K3sLead, "", Token);
        var told = await ExamineAsync(_paths, "k3s-agent.service");
        Assert.Contains("ok       kubelet  k3s-agent.service runs, and ", told, StringComparison.Ordinal);
        Assert.Contains("ok       hub      it answers the k3s agent at https://127.0.0.1:10262/", told, StringComparison.Ordinal);
        _services.Fails.Add($"cat {Kubelet}");
        Assert.Contains("look at it with --kubelet-unit k3s-agent.service", await ExamineAsync(_paths), StringComparison.Ordinal);
    }

    [Fact]
    public void Its_findings_are_one_object_with_a_verdict_whose_words_are_as_they_were_written() => Assert.Equal(
        """{"verdict":"warning","findings":[{"check":"service","standing":"ok","words":"run `x`"},{"check":"disk","standing":"warning","words":"<little>"}]}""" + "\n",
        DoctorCommand.Json([new Finding("service", Standing.Ok, "run `x`"), new Finding("disk", Standing.Warning, "<little>")]));

    [Fact]
    public void Another_form_is_refused_with_the_option_and_its_values()
    {
        Assert.Equal("-o: 'yaml' is none of its values; give json, or leave it out for text", Assert.Single(DoctorCommand.Create().Parse("-o yaml").Errors).Message);
        Assert.Empty(DoctorCommand.Create().Parse("-o json").Errors);
    }
}
