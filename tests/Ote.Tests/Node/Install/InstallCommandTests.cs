using Ote.Node.Install;
using Ote.Roles.Hosting;

namespace Ote.Tests.Node.Install;

public sealed class InstallCommandTests
{
    private const string Kubelet = "kubelet.service";

    [Fact]
    public void A_kubeconfig_whose_name_a_kubelets_unit_cannot_hold_is_refused() =>
        Assert.Throws<RoleException>(() => InstallCommand.Arguments(["--kubeconfig", "/etc/kubernetes/my kubelet.conf"], "/srv"));

    [Theory]
    [InlineData("k3s-agent.service")]
    [InlineData(Kubelet, "--k3s-agent", "/var/lib/rancher/k3s/agent")]
    [InlineData(Kubelet, "--k3s-agent=/var/lib/rancher/k3s/agent")]
    public void How_a_k3s_agent_is_led_to_the_hub_is_said_where_it_cannot_be_done(string kubelet, params string[] words) =>
        Assert.Contains("/etc/rancher/k3s/config.yaml.d/90-ote-node.yaml", Assert.Throws<RoleException>(() => InstallCommand.RefuseK3s(kubelet, words)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("--write-kubeconfigs=/x")]
    [InlineData("--no-such-option")]
    public void Options_that_the_hub_does_not_have_or_the_installation_decides_are_refused(string option) =>
        Assert.Throws<RoleException>(() => InstallCommand.Arguments([option, "/x"], "/srv"));

    [Theory]
    [InlineData("--check")]
    [InlineData("--check=true")]
    public void A_check_is_not_installed(string check) =>
        Assert.StartsWith("--check is not for an installed hub", Assert.Throws<RoleException>(() => InstallCommand.Arguments([check], "/srv")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_data_folder_is_looked_for_from_where_install_was_called() =>
        Assert.Equal("/srv/hub", InstallCommand.Arguments(["--data", "hub"], "/srv").Data);

    [Theory]
    [InlineData("install --data /srv/hub", "--data")]
    [InlineData("install --listen=10.0.0.7:10261", "--listen")]
    [InlineData("install --kubelet-unit k.service -- --data /srv/hub", null)]
    [InlineData("install --no-such-thing", null)]
    [InlineData("edgehub --data /srv/hub", null)]
    public void An_option_of_the_hub_before_the_dashes_is_told_where_it_goes(string typed, string? option) =>
        Assert.Equal(option is null ? null : $"{option} is an option of the hub, and those come after --, such as `ote-node install -- {option} ...`", MisplacedOption.Of(typed.Split(' ')));

    [Theory]
    [InlineData("--data", "/srv/x/../hub")]
    [InlineData("--data=/srv/hub")]
    [InlineData("--data:hub")]
    public void A_data_folder_is_the_hubs_and_known_to_the_installation(params string[] words)
    {
        var (arguments, _, data) = InstallCommand.Arguments(["--kubeconfig=/etc/k.conf", .. words, "--share-reads"], "/srv");
        Assert.Equal("/srv/hub", data);
        Assert.Equal(["--kubeconfig=/etc/k.conf", "--share-reads", "--data", "/srv/hub"], arguments);
        Assert.Null(InstallCommand.Arguments(["--kubeconfig=/etc/k.conf"], "/srv").Data);
    }

    [Theory]
    [InlineData("/tmp/hub", "is gone after a restart")]
    [InlineData("/run", "is gone after a restart")]
    [InlineData("/etc", "holds other things")]
    public void A_data_folder_that_does_not_last_or_is_not_the_hubs_alone_is_refused(string folder, string said) =>
        Assert.Contains(said, Assert.Throws<RoleException>(() => InstallCommand.Arguments(["--data", folder], "/srv")).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_a_kubeconfig_it_is_kubeadms() =>
        Assert.Equal("/etc/kubernetes/kubelet.conf", InstallCommand.Arguments(["--server", "https://10.0.0.1:6443"], "/srv").KubeletConfig);
}
