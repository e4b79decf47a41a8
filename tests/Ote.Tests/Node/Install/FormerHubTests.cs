using Ote.Roles.Hosting;

namespace Ote.Tests.Node.Install;

public sealed class FormerHubTests : InstallableNode
{
    [Fact]
    public async Task A_hub_that_does_not_answer_leaves_the_kubelet_as_it_is()
    {
        _answers = false;
        Assert.Equal("the hub does not answer within 30 s; `journalctl -u ote-node.service` says why. The kubelet was left as it is", (await Assert.ThrowsAsync<RoleException>(InstallAsync)).Message);
        Assert.Equal(["waiting for the hub ... 3 s", "waiting for the hub ... 8 s"], _said.Where(line => line.StartsWith("waiting", StringComparison.Ordinal)).Take(2));
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
        _services.Told = asked => _answers = asked == "restart ote-node.service" && File.ReadAllText(_paths.Unit) == unit;
        await Assert.ThrowsAsync<RoleException>(() => InstallAsync(_paths, [.. Arguments, "--share-reads"]));
        Assert.Equal(
            ["is-enabled ote-node.service", "is-active ote-node.service", "daemon-reload", "enable ote-node.service", "restart ote-node.service", "daemon-reload", "restart ote-node.service"],
            _services.Asked.Skip(before + 1).Where(asked => !asked.StartsWith("show ", StringComparison.Ordinal))); // the kubelet runs on, and nothing is disabled
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
    public async Task A_former_hub_that_was_started_again_and_does_not_answer_is_not_said_to_run()
    {
        await InstallAsync();
        (_answers, _services.Journal) = (false, ["error: it is in use."]);
        await Assert.ThrowsAsync<RoleException>(InstallAsync);
        Assert.Equal("NOT put back: the hub that was installed before was started again, and the hub does not answer within 10 s (it is in use)", _said[^1]);
        Assert.DoesNotContain(_said, line => line.Contains("which runs", StringComparison.Ordinal));
    }
}
