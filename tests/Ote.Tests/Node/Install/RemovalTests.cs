using Ote.Node.Install;
using Ote.Roles.Hosting;

namespace Ote.Tests.Node.Install;

public sealed class RemovalTests : InstallableNode
{
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
        Assert.StartsWith($"process 7 (kubelet --kubeconfig={$"{_paths.Kubeconfigs}/kubelet.conf"[..39]}...), which no unit with a drop-in of an installation started, asks the hub by {_paths.Kubeconfigs}/kubelet.conf, and nothing was changed", (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: false, Token))).Message, StringComparison.Ordinal);
        _services.Unit = $"[Service]\nExecStart=/usr/bin/kubelet --kubeconfig={_paths.Kubeconfigs}/kubelet.conf";
        Assert.StartsWith($"{Kubelet} names {_paths.Kubeconfigs}/kubelet.conf by a file that no installation wrote, could not start without it", (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: false, Token))).Message, StringComparison.Ordinal);
        Assert.Empty(_services.Changed);
    }

    [Fact]
    public async Task A_kubelet_that_still_asks_the_hub_when_it_was_started_again_keeps_it()
    {
        await InstallAsync();
        Runs("/usr/bin/kubelet", $"--kubeconfig={_paths.Kubeconfigs}/kubelet.conf");
        Assert.StartsWith("process 7 (kubelet --kubeconfig=", (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: false, Token))).Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_paths.Unit) && Directory.Exists(_paths.Kubeconfigs));
        Directory.Delete(Path.Combine(_paths.Processes, "7"), recursive: true);
        await Taken().RunAsync(null, purge: false, Token);
        Assert.False(File.Exists(_paths.Unit));
    }

    [Theory]
    [InlineData("0::/system.slice/kubelet.service\n", true)]
    [InlineData("3:cpu:/user.slice\n1:name=systemd:/system.slice/kubelet.service/below\n", true)]
    [InlineData("0::/user.slice/session-1.scope\n", false)]
    [InlineData("0::/system.slice/cron.service\n", false)]
    public async Task A_child_of_a_kubelets_own_service_goes_with_it_behind_whatever_script(string cgroup, bool isItsOwn)
    {
        await InstallAsync();
        Runs("/opt/kubelet", $"--kubeconfig={_paths.Kubeconfigs}/kubelet.conf");
        await File.WriteAllTextAsync(Path.Combine(_paths.Processes, "7", "cgroup"), cgroup, Token);
        (_services.Becomes, _services.Told) = ("MainPID=12\nActiveState=active\n", asked =>
        {
            if (asked == $"restart {Kubelet}")
            {
                Directory.Delete(Path.Combine(_paths.Processes, "7"), recursive: true); // systemd ends all of them
            }
        });
        await _services.RunAsync(["show", Kubelet], Token);
        var taken = await Record.ExceptionAsync(() => Taken().RunAsync(null, purge: false, Token));
        Assert.Equal(isItsOwn, taken is null);
        Assert.Equal(!isItsOwn, File.Exists(_paths.Unit));
    }

    [Fact]
    public async Task A_k3s_agent_that_is_led_to_the_hub_keeps_it()
    {
        await InstallAsync();
        Directory.CreateDirectory(Path.GetDirectoryName(_paths.K3sLead)!);
        await File.WriteAllTextAsync(_paths.K3sLead, "server: https://127.0.0.1:10262\n", Token);
        var before = _services.Changed.Count();
        Assert.Equal(
            $"{_paths.K3sLead} leads this node's k3s agent to the hub, and nothing was changed: remove that file, run `systemctl restart k3s-agent`, and run `ote-node uninstall` again",
            (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: true, Token))).Message);
        Assert.Equal(before, _services.Changed.Count());
    }

    [Fact]
    public async Task Where_nothing_is_installed_there_is_nothing_to_take_away()
    {
        await Taken().RunAsync(null, purge: true, Token);
        Assert.Equal(["nothing of the hub is installed here, and nothing was changed"], _said);
        Assert.Empty(_services.Asked);
    }

    [Fact]
    public async Task What_the_hub_wrote_on_its_node_goes_with_it_or_is_said_how_it_goes()
    {
        await InstallAsync(_paths, [.. Arguments, "--node-name", "shop-1"]);
        await Taken().RunAsync(null, purge: false, Token);
        Assert.Equal(new NodeAnnotations("shop-1", "/etc/kubernetes/kubelet.conf"), _forgotten);
        Assert.Equal("""{"metadata":{"annotations":{"ote.baidu.com/edgehub":null,"ote.baidu.com/edgehub-ca-sha256":null,"ote.baidu.com/witness":null}}}""", NodeAnnotations.Patch().ToJsonString());
        await InstallAsync(_paths, [.. Arguments, "--node-name", "shop-1"]);
        _unforgotten = "no answer within 5 s";
        await Taken().RunAsync(null, purge: false, Token);
        Assert.Contains(
            "the hub's annotations may still be on node shop-1 (no answer within 5 s); remove them from where you can: "
            + "`kubectl annotate node shop-1 ote.baidu.com/edgehub- ote.baidu.com/edgehub-ca-sha256- ote.baidu.com/witness-`", _said);
        Assert.False(File.Exists(_paths.Unit));
    }

    [Fact]
    public async Task The_file_that_keeps_a_kubelet_at_the_hub_is_named()
    {
        await InstallAsync();
        _services.Unit = $"""
            # /usr/lib/systemd/system/kubelet.service
            [Service]
            ExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf

            # /etc/systemd/system/kubelet.service.d/50-by-hand.conf
            [Service]
            # /etc/kubernetes/edgehub is the hub's
            ExecStart=
            ExecStart=/usr/bin/kubelet --kubeconfig={_paths.Kubeconfigs}/kubelet.conf

            # {_paths.DropIn(Kubelet)}
            [Service]
            ExecStart=
            ExecStart=/usr/bin/kubelet --kubeconfig={_paths.Kubeconfigs}/kubelet.conf

            # /etc/systemd/system/kubelet.service.d/99-memory.conf
            [Service]
            MemoryMax=1G
            """;
        Assert.StartsWith(
            $"{Kubelet} names {_paths.Kubeconfigs}/kubelet.conf by /etc/systemd/system/kubelet.service.d/50-by-hand.conf that no installation wrote", (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: false, Token))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_on_which_somebody_runs_a_hub_by_hand_is_not_purged_from_under_it()
    {
        using (DataLock.Take(_paths.Data))
        {
            Assert.Equal(
                $"a hub that ote-node.service did not start runs on {_paths.Data}, and nothing was changed: end that hub first, or leave --purge out",
                (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: true, Token))).Message);
            Assert.Equal([_paths.Data], Left());
        }

        await InstallAsync();
        _services.Fails.Add("is-active ote-node.service");
        var before = _services.Changed.Count();
        using (DataLock.Take(_paths.Data))
        {
            await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: true, Token));
            Assert.Equal(before, _services.Changed.Count());
            await Taken().RunAsync(null, purge: false, Token);
            Assert.Equal([_paths.Data], Left());
        }

        await Taken().RunAsync(null, purge: true, Token);
        Assert.Empty(Left());
    }

    [Fact]
    public async Task The_services_own_hub_lets_go_of_its_folder_before_that_is_purged_and_where_another_has_it_then_it_stays()
    {
        await InstallAsync();
        using var held = DataLock.Take(_paths.Data);
        Assert.StartsWith($"ote-node.service is stopped, and another hub runs on {_paths.Data}", (await Assert.ThrowsAsync<RoleException>(() => Taken().RunAsync(null, purge: true, Token))).Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_paths.Unit) && File.Exists(Path.Combine(_paths.Data, DataLock.FileName)));
        _services.Told = asked =>
        {
            if (asked == "disable --now ote-node.service")
            {
                held.Dispose();
            }
        };
        await Taken().RunAsync(null, purge: true, Token);
        Assert.Empty(Left());
    }

    [Theory]
    [InlineData("servers")]
    [InlineData("servers.new")]
    [InlineData("node.key.damaged")]
    [InlineData("pki.damaged")]
    [InlineData("node.db.damaged.1")]
    public async Task All_that_a_hub_puts_into_its_folder_goes_with_it(string name)
    {
        await InstallAsync();
        await File.WriteAllTextAsync(Path.Combine(_paths.Data, name), "", Token);
        await Taken().RunAsync(null, purge: true, Token);
        Assert.Empty(Left());
    }
}
