using Ote.Node.Install;
using Ote.Roles.Hosting;

namespace Ote.Tests.Node.Install;

public sealed class FormerOptionsTests : InstallableNode
{
    [Theory]
    [InlineData("--kubeconfig", "/etc/kubernetes/kubelet.conf", "--data", "/srv/hub", "--listen", "[::1]:10261", "--observe", "127.0.0.1:9287", "--share-reads")]
    [InlineData("--kubeconfig=/etc/a folder/k.conf", "--kubeconfig", "/etc/k-2.conf", "--host", "with \"quotes\" and \\/100%/$HOME", "--host=it's;#", "--node-name", "n")]
    public async Task An_installation_without_options_keeps_those_of_before_word_for_word_and_says_so(params string[] options)
    {
        await InstallAsync(_paths, options);
        var unit = File.ReadAllText(_paths.Unit);
        var kept = FormerOptions.Kept([], unit, _paths.Unit);
        Assert.Equal(options, kept);
        Assert.StartsWith("options as installed before: ", FormerOptions.Said([], kept, unit), StringComparison.Ordinal);
        await InstallAsync(_paths, kept);
        Assert.Equal(unit, File.ReadAllText(_paths.Unit));
    }

    [Fact]
    public async Task The_folder_of_before_is_the_installations_too()
    {
        await InstallAsync(_paths, [.. Arguments, "--data", "/srv/hub", "--host", "a b"]);
        var (paths, arguments, kubeconfig) = InstallCommand.Prepared(_paths, Kubelet, [], "/root", _said.Add);
        Assert.Equal(("/srv/hub", "/etc/kubernetes/kubelet.conf"), (paths.Data, kubeconfig));
        Assert.Equal([.. Arguments, "--host", "a b", "--data", "/srv/hub"], arguments);
        Assert.Equal("options as installed before: --kubeconfig /etc/kubernetes/kubelet.conf --data /srv/hub --host 'a b'", _said[^1]);
    }

    [Fact]
    public async Task Options_that_are_given_take_the_place_of_all_and_those_that_are_not_among_them_are_told()
    {
        await InstallAsync(_paths, [.. Arguments, "--data", "/srv/hub", "-l", "10.0.0.7:10261", "--share-reads", "--observe=127.0.0.1:9287"]);
        Assert.Equal(["--kubeconfig", "/etc/kubernetes/kubelet.conf", "--client-ca-file", "/etc/kubernetes/pki/ca.crt", "--listen", "10.0.0.7:4444", "--share-reads"], Given("--listen", "10.0.0.7:4444", "--share-reads"));
        Assert.Equal(["options of before that are not among these, and count no more: --data /srv/hub --observe=127.0.0.1:9287 (without any after -- all of before stay)"], _said.TakeLast(1));
        _said.Clear();
        Given("--data=/srv/x", "--listen", "10.0.0.8:1", "--share-reads", "--observe", "127.0.0.1:1");
        Assert.Empty(_said);
        await InstallAsync(_paths, ["--kubeconfig", "/etc/k.conf", "--kubeconfig=/etc/proxy.conf"]);
        _said.Clear();
        Given("--kubeconfig=/etc/k.conf");
        Given("--share-reads"); // with kubeadm's in the place of both
        Assert.Equal(["--kubeconfig=/etc/proxy.conf", "--kubeconfig /etc/k.conf --kubeconfig=/etc/proxy.conf"], _said.Select(line => line.Split("no more: ")[1].Split(" (")[0]));
    }

    private IReadOnlyList<string> Given(params string[] options) => InstallCommand.Prepared(_paths, Kubelet, options, "/root", _said.Add).Arguments;

    [Theory]
    [InlineData("ExecStart=/opt/ote-node edgehub \\\n  --data /srv/hub")] // it goes on on the next line
    [InlineData("ExecStart=/opt/ote-node edgehub --data '/srv/a hub'")]
    [InlineData("ExecStart=/opt/start-hub")]
    public void Options_that_somebody_wrote_in_another_form_are_not_guessed(string line)
    {
        Assert.Contains("give the hub's options after --", Assert.Throws<RoleException>(() => FormerOptions.Kept([], $"[Service]\n{line}\n", _paths.Unit)).Message, StringComparison.Ordinal);
        Assert.Equal(["--share-reads"], FormerOptions.Kept(["--share-reads"], $"[Service]\n{line}\n", _paths.Unit));
    }
}
