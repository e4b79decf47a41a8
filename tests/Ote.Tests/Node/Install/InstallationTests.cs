using Microsoft.Extensions.Time.Testing;
using Ote.Node.Doctor;
using Ote.Node.Install;
using Ote.Roles.Hosting;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Node.Install;

public sealed class InstallationTests : IDisposable
{
    private const string Kubelet = "kubelet.service";
    private readonly Scratch _folder = new("install");
    private readonly FakeTimeProvider _time = new();
    private readonly Services _services = new();
    private readonly List<string> _said = [];
    private readonly NodePaths _paths;
    private readonly string _program;
    private bool _answers = true;
    private bool _isAsked = true;
    private string? _unfit;

    public InstallationTests()
    {
        _paths = new NodePaths(_folder["root"]);
        _program = Path.Combine(_folder["published"], "ote-node");
        Publish("the executable");
        Directory.CreateDirectory(_paths.Units);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string[] Arguments => ["--kubeconfig", "/etc/kubernetes/kubelet.conf"];

    public void Dispose() => _folder.Dispose();

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

    [Fact]
    public async Task A_hub_that_does_not_answer_leaves_the_kubelet_as_it_is()
    {
        _answers = false;
        Assert.Contains("does not answer within 30 s", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_paths.DropIn(Kubelet)));
        Assert.DoesNotContain($"restart {Kubelet}", _services.Asked);
        Assert.Equal(["disable --now ote-node.service", "daemon-reload"], _services.Asked.TakeLast(2));
        Assert.Equal(
            [
                $"put back: {Kubelet} asks the API server as before, and its pods were not touched; ote-node.service is stopped and removed",
                "nothing of the hub is left",
                "next: `ote-node install` once more when the cause below is mended",
            ],
            _said.TakeLast(3));
        Assert.Empty(Left());
    }

    [Fact]
    public async Task A_newer_hub_that_does_not_answer_gives_way_to_the_one_that_ran_before_and_the_kubelet_asks_that()
    {
        await InstallAsync();
        var (unit, dropIn) = (File.ReadAllText(_paths.Unit), File.ReadAllText(_paths.DropIn(Kubelet)));
        Publish("a newer executable");
        (_answers, var before) = (false, _services.Asked.Count);
        await Assert.ThrowsAsync<RoleException>(() => InstallAsync(_paths, [.. Arguments, "--share-reads"]));
        Assert.Equal(
            ["is-enabled ote-node.service", "is-active ote-node.service", "daemon-reload", "enable ote-node.service", "restart ote-node.service", "status --no-pager --lines=10 --output=cat ote-node.service", "daemon-reload", "restart ote-node.service"],
            _services.Asked.Skip(before + 1)); // the kubelet runs on, and nothing is disabled
        Assert.Equal((unit, dropIn, "the executable"), (File.ReadAllText(_paths.Unit), File.ReadAllText(_paths.DropIn(Kubelet)), File.ReadAllText(_paths.Program)));
        Assert.StartsWith($"put back: ote-node.service as it was installed before, which runs; {Kubelet} asks the hub as before", _said[^2], StringComparison.Ordinal);
        Assert.Contains("`ote-node doctor`", _said[^1], StringComparison.Ordinal);
        Assert.Equal("the executable's library", File.ReadAllText(Path.Combine(_paths.Programs, "libe_sqlite3.so")));
        Assert.Equal([_paths.Command, _paths.Programs], Left().Where(path => path.StartsWith(Path.Combine(_paths.Root, "usr"), StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_cannot_be_put_back_is_said_with_the_command_and_keeps_the_rest_from_nothing()
    {
        _isAsked = false;
        _services.Fails.Add("disable --now ote-node.service");
        Assert.EndsWith("Not all could be put back, as was said above", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
        Assert.Equal("NOT put back: `systemctl disable --now ote-node.service` failed (no disable --now ote-node.service here); run it by hand", _said[^1]);
        Assert.False(File.Exists(_paths.DropIn(Kubelet)));
        Assert.Contains($"restart {Kubelet}", _services.Asked);
    }

    [Fact]
    public async Task An_installation_that_is_told_to_stop_is_put_back_too()
    {
        using var stop = new CancellationTokenSource();
        _services.Told = asked =>
        {
            if (asked == $"restart {Kubelet}")
            {
                stop.Cancel();
            }
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Made().InstallAsync(_program, Arguments, "/etc/kubernetes/kubelet.conf", Kubelet, stop.Token));
        Assert.Equal(["daemon-reload", $"restart {Kubelet}", "disable --now ote-node.service", "daemon-reload"], _services.Asked.TakeLast(4));
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

    [Fact]
    public void A_kubeconfig_whose_name_a_kubelets_unit_cannot_hold_is_refused() =>
        Assert.Throws<RoleException>(() => InstallCommand.Arguments(["--kubeconfig", "/etc/kubernetes/my kubelet.conf"]));

    [Fact]
    public async Task What_was_installed_is_taken_away_and_the_cache_only_when_it_is_asked_for()
    {
        await InstallAsync();
        File.WriteAllText(Path.Combine(_paths.Data, "node.db"), "");
        _services.Asked.Clear();
        await Taken().RunAsync(null, purge: false, Token);
        Assert.Equal(["daemon-reload", $"restart {Kubelet}", "disable --now ote-node.service", "daemon-reload"], _services.Changed); // the kubelet first
        Assert.Equal([_paths.Data], Left());
        Assert.True(File.Exists(Path.Combine(_paths.Data, "node.db")));
        await Taken().RunAsync(Kubelet, purge: true, Token); // twice does no harm
        Assert.False(Directory.Exists(_paths.Data));
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
    public async Task A_command_of_that_name_that_was_there_before_is_put_back_with_the_rest()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_paths.Command)!);
        await File.WriteAllTextAsync(_paths.Command, "the administrator's", Token);
        _answers = false;
        await Assert.ThrowsAsync<RoleException>(InstallAsync);
        Assert.Equal("the administrator's", File.ReadAllText(_paths.Command));
        Assert.Null(new FileInfo(_paths.Command).LinkTarget);
        Assert.Equal([_paths.Command], Left());
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
    public async Task What_the_hub_says_of_why_it_does_not_start_is_told_with_how_long_it_was_waited_for()
    {
        (_answers, _services.Status) = (false, "● ote-node.service\n     Active: activating\n\nerror: Cannot listen on 127.0.0.1:10261: it is in use.\nMain process exited\n");
        Assert.StartsWith(
            "the hub does not answer within 30 s (Cannot listen on 127.0.0.1:10261: it is in use), and the kubelet was left as it is", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unit_that_there_is_not_is_refused_before_the_hub_is_taken_away()
    {
        await InstallAsync();
        _services.Asked.Clear();
        _services.Fails.Add("cat kublet.service");
        var message = (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync("kublet.service", purge: true, Token))).Message;
        Assert.Equal($"there is no unit kublet.service, and nothing was changed: what an installation led to the hub is {Kubelet}; leave --kubelet-unit out", message);
        Assert.Empty(_services.Changed);
        Assert.True(File.Exists(_paths.DropIn(Kubelet)) && File.Exists(_paths.Program) && Directory.Exists(_paths.Kubeconfigs));
    }

    [Fact]
    public async Task Each_unit_that_was_led_to_the_hub_is_led_back_whatever_it_is_called_also_one_that_is_gone_since()
    {
        await InstallAsync();
        foreach (var other in (string[])["my-kubelet.service", "gone.service"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_paths.DropIn(other))!);
            File.Copy(_paths.DropIn(Kubelet), _paths.DropIn(other));
        }

        Directory.CreateDirectory(Path.GetDirectoryName(_paths.DropIn("else.service"))!);
        await File.WriteAllTextAsync(_paths.DropIn("else.service"), "[Service]\n", Token); // of that name, and not ours
        _services.Fails.Add("cat gone.service");
        _services.Asked.Clear();
        await Taken().RunAsync(Kubelet, purge: false, Token);
        Assert.Equal(["daemon-reload", "daemon-reload", $"restart {Kubelet}", "daemon-reload", "restart my-kubelet.service", "disable --now ote-node.service", "daemon-reload"], _services.Changed);
        Assert.Empty(_paths.Led);
        Assert.True(File.Exists(_paths.DropIn("else.service")));
    }

    [Fact]
    public async Task A_hub_that_a_kubelet_asks_by_words_of_its_own_is_not_taken_from_it()
    {
        await InstallAsync();
        _services.Asked.Clear();
        Runs("/opt/kubelet", $"--kubeconfig={_paths.Kubeconfigs}/kubelet.conf");
        _services.Becomes = "MainPID=12\nActiveState=active\n";
        await _services.RunAsync(["show"], Token);
        Assert.StartsWith($"process 7, which no unit with a drop-in of an installation started, asks the hub by {_paths.Kubeconfigs}/kubelet.conf, and nothing was changed", (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: false, Token))).Message, StringComparison.Ordinal);
        _services.Unit = $"[Service]\nExecStart=/usr/bin/kubelet --kubeconfig={_paths.Kubeconfigs}/kubelet.conf";
        Assert.StartsWith($"{Kubelet} names {_paths.Kubeconfigs}/kubelet.conf by a file that no installation wrote", (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: false, Token))).Message, StringComparison.Ordinal);
        Assert.Empty(_services.Changed);
    }

    [Fact]
    public async Task A_kubelet_that_still_asks_the_hub_when_it_was_started_again_keeps_it()
    {
        await InstallAsync();
        Runs("/usr/bin/kubelet", $"--kubeconfig={_paths.Kubeconfigs}/kubelet.conf");
        Assert.StartsWith("process 7 still asks the hub", (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: false, Token))).Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_paths.Unit) && Directory.Exists(_paths.Kubeconfigs));
        Directory.Delete(Path.Combine(_paths.Processes, "7"), recursive: true);
        await Taken().RunAsync(null, purge: false, Token);
        Assert.False(File.Exists(_paths.Unit));
    }

    [Theory]
    [InlineData("k3s-agent.service")]
    [InlineData(Kubelet, "--k3s-agent", "/var/lib/rancher/k3s/agent")]
    [InlineData(Kubelet, "--k3s-agent=/var/lib/rancher/k3s/agent")]
    public void How_a_k3s_agent_is_led_to_the_hub_is_said_where_it_cannot_be_done(string kubelet, params string[] words) =>
        Assert.Contains("/etc/rancher/k3s/config.yaml.d/90-ote-node.yaml", Assert.Throws<RoleException>(() => InstallCommand.RefuseK3s(kubelet, words)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_machine_without_that_unit_is_told_so()
    {
        _services.Fails.Add($"cat {Kubelet}");
        Assert.Contains("--kubelet-unit", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--write-kubeconfigs=/x")]
    [InlineData("--no-such-option")]
    public void Options_that_the_hub_does_not_have_or_the_installation_decides_are_refused(string option) =>
        Assert.Throws<RoleException>(() => InstallCommand.Arguments([option, "/x"]));

    [Theory]
    [InlineData("--data", "/srv/x/../hub")]
    [InlineData("--data=/srv/hub")]
    public void A_data_folder_is_the_hubs_and_known_to_the_installation(params string[] words)
    {
        var (arguments, _, data) = InstallCommand.Arguments(["--kubeconfig=/etc/k.conf", .. words, "--share-reads"]);
        Assert.Equal("/srv/hub", data);
        Assert.Equal(["--kubeconfig=/etc/k.conf", "--share-reads", "--data", "/srv/hub"], arguments);
        Assert.Null(InstallCommand.Arguments(["--kubeconfig=/etc/k.conf"]).Data);
    }

    [Theory]
    [InlineData("/tmp/hub", "is gone after a restart")]
    [InlineData("/run", "is gone after a restart")]
    [InlineData("/etc", "holds other things")]
    public void A_data_folder_that_does_not_last_or_is_not_the_hubs_alone_is_refused(string folder, string said) =>
        Assert.Contains(said, Assert.Throws<RoleException>(() => InstallCommand.Arguments(["--data", folder])).Message, StringComparison.Ordinal);

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
    public void Without_a_kubeconfig_it_is_kubeadms() =>
        Assert.Equal("/etc/kubernetes/kubelet.conf", InstallCommand.Arguments(["--server", "https://10.0.0.1:6443"]).KubeletConfig);

    [Fact]
    public async Task The_doctor_finds_an_installed_hub_well_and_says_what_is_wrong_with_one_that_is_not()
    {
        await InstallAsync();
        _services.Unit = File.ReadAllText(_paths.DropIn(Kubelet));
        Runs("/usr/bin/kubelet", $"--kubeconfig={_paths.Kubeconfigs}/kubelet.conf");
        File.SetUnixFileMode(_paths.Data, (UnixFileMode)0b111_101_101);
        _services.Fails.Add("is-active ote-node.service");
        var findings = await new Examination(_paths, _services, (_, _, _) => Task.FromResult((200, "")), _time).LookAsync(Kubelet, Token);
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
        var findings = await new Examination(_paths, _services, (_, _, _) => Task.FromResult((200, "")), _time, _ => free).LookAsync(Kubelet, Token);
        var line = DoctorCommand.Text([Assert.Single(findings, finding => finding.Check == "disk")]);
        Assert.StartsWith(standing, line, StringComparison.Ordinal);
        Assert.Contains(words, line, StringComparison.Ordinal);
    }

    /// <summary>What the kubelet's process was started with.</summary>
    private void Runs(params string[] words)
    {
        Directory.CreateDirectory(Path.Combine(_paths.Processes, "7"));
        File.WriteAllText(Path.Combine(_paths.Processes, "7", "cmdline"), string.Join('\0', words) + '\0');
    }

    private async Task<string> ExamineAsync(NodePaths paths) =>
        DoctorCommand.Text(await new Examination(paths, _services, (_, _, _) => Task.FromResult((200, "")), _time, _ => 1_000_000_000).LookAsync(Kubelet, Token));

    private static void WriteKubeconfig(string file, string server) => File.WriteAllText(
        file, $$$"""{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"{{{server}}}"}}],"users":[{"name":"u","user":{"token":"t"}}]}""");

    private Task InstallAsync() => InstallAsync(_paths, Arguments);

    private async Task InstallAsync(NodePaths paths, IReadOnlyList<string> arguments, string? program = null)
    {
        var installing = Made(paths).InstallAsync(program ?? _program, arguments, "/etc/kubernetes/kubelet.conf", Kubelet, Token);
        while (!installing.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await installing;
    }

    private Removal Taken(NodePaths? paths = null) => new(paths ?? _paths, _services, _said.Add);

    /// <summary>A published executable, with the library that it loads.</summary>
    private void Publish(string executable)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_program)!);
        File.WriteAllText(_program, executable);
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(_program)!, "libe_sqlite3.so"), $"{executable}'s library");
    }

    /// <summary>What there is of the hub on the machine.</summary>
    private List<string> Left() =>
    [
        .. new[] { "usr/local/bin", "usr/local/lib", "etc/systemd/system", "etc/kubernetes", "var/lib" }.Select(folder => Path.Combine(_paths.Root, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal)).Where(path => !path.EndsWith(".d", StringComparison.Ordinal)),
    ];

    private Installation Made(NodePaths? paths = null) => new(paths ?? _paths, _services, (_, _, _) => Task.FromResult(_unfit), (_, _) => Task.FromResult(_answers), _ => _isAsked, _said.Add, _time);

    private sealed class Services : IServices
    {
        public List<string> Asked { get; } = [];

        /// <summary>Without the questions.</summary>
        public IEnumerable<string> Changed => Asked.Where(asked => asked.Split(' ')[0] is not ("cat" or "show" or "status" or "is-active" or "is-enabled"));

        public Action<string>? Told { get; set; }

        public string Status { get; set; } = "";

        public HashSet<string> Fails { get; } = [];

        public string Unit { get; set; } = "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf";

        public string State { get; private set; } = "MainPID=7\nActiveState=active\n";

        /// <summary>What its state is from the second look on.</summary>
        public string? Becomes { get; set; }

        public Task<SystemctlAnswer> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellation)
        {
            var asked = string.Join(' ', arguments);
            Asked.Add(asked);
            Told?.Invoke(asked);
            if (Fails.Contains(asked))
            {
                return Task.FromResult(new SystemctlAnswer(false, "", $"no {asked} here"));
            }

            var said = arguments[0] switch { "cat" => Unit, "show" => State, "status" => Status, _ => "" };
            State = arguments[0] == "show" ? Becomes ?? State : State;
            return Task.FromResult(new SystemctlAnswer(true, said, ""));
        }
    }
}
