using Ote.Node.Install;

namespace Ote.Tests.Node.Install;

public sealed class KubeletUnitTests
{
    private const string Kubeadm = """
        # /lib/systemd/system/kubelet.service
        [Service]
        ExecStart=/usr/bin/kubelet
        Restart=always

        # /etc/systemd/system/kubelet.service.d/10-kubeadm.conf
        [Service]
        Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
        Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
        ExecStart=
        ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS
        """;

    [Fact]
    public void Kubeadms_variable_is_set_anew_and_its_other_arguments_stay()
    {
        Assert.Equal("/etc/kubernetes/kubelet.conf", KubeletUnit.KubeconfigOf(Kubeadm));
        Assert.True(KubeletUnit.TryRedirect(Kubeadm, "/etc/kubernetes/edgehub/kubelet.conf", out var dropIn));
        Assert.Contains(
            "\nEnvironment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/edgehub/kubelet.conf\"\n", dropIn, StringComparison.Ordinal);
        Assert.DoesNotContain("ExecStart", dropIn, StringComparison.Ordinal);
        Assert.Equal("/etc/kubernetes/edgehub/kubelet.conf", KubeletUnit.KubeconfigOf(Kubeadm + "\n" + dropIn)); // it comes last
    }

    [Theory]
    [InlineData("ExecStart=/usr/bin/kubelet --kubeconfig /etc/k.conf --v=2", "ExecStart=\nExecStart=/usr/bin/kubelet --kubeconfig /hub.conf --v=2")]
    [InlineData("ExecStart=/usr/bin/kubelet \\\n  --kubeconfig=/etc/k.conf \\\n  --v=2", "ExecStart=\nExecStart=/usr/bin/kubelet    --kubeconfig=/hub.conf    --v=2")]
    [InlineData("Environment=ARGS=--kubeconfig=/etc/k.conf", "Environment=ARGS=--kubeconfig=/hub.conf")]
    public void A_command_of_its_own_is_written_anew(string unit, string expected)
    {
        Assert.True(KubeletUnit.TryRedirect("[Service]\n" + unit, "/hub.conf", out var dropIn));
        Assert.Contains("[Service]\n" + expected + "\n", dropIn, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[Service]\nExecStart=/usr/bin/kubelet --config=/x")]
    [InlineData("[Service]\n# ExecStart=/usr/bin/kubelet --kubeconfig=/x")]
    [InlineData("[Service]\nExecStart=/usr/bin/kubelet --bootstrap-kubeconfig=/x")]
    public void A_unit_that_names_no_kubeconfig_is_left_alone(string unit) => Assert.False(KubeletUnit.TryRedirect(unit, "/hub.conf", out _));

    [Theory]
    [InlineData("/etc/a-b.conf", "/etc/a-b.conf")]
    [InlineData("two words", "\"two words\"")]
    [InlineData("50%", "50%%")]
    [InlineData("$HOME", "$$HOME")]
    [InlineData("a\"b\\", "\"a\\\"b\\\\\"")]
    [InlineData("", "\"\"")]
    public void Words_are_what_systemd_hands_on_unchanged(string word, string written) => Assert.Equal(written, HubUnit.Quoted(word));

    [Fact]
    public void The_hubs_unit_names_the_kubeconfigs_that_it_was_given()
    {
        var unit = HubUnit.Text("/usr/local/bin/ote-node", ["--kubeconfig", "/etc/kubelet.conf", "--kubeconfig=/etc/proxy.conf", "--client-ca-file", "/ca.crt"], ["/var/lib/ote-node"]);
        Assert.Equal(["/etc/kubelet.conf", "/etc/proxy.conf"], HubUnit.KubeconfigsOf(unit));
        Assert.Contains("\nExecStart=/usr/local/bin/ote-node edgehub --kubeconfig /etc/kubelet.conf ", unit, StringComparison.Ordinal);
    }
}
