namespace Ote.SystemTests.Kubernetes;

public sealed class RealControlPlaneTests
{
    [Fact]
    public async Task RealControlPlane_twoAtOnce_answerBothAgesOfKubectlApartAndLeaveNothing()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        List<int> ids = [];
        List<string> folders = [];
        await using (RealControlPlane one = await RealControlPlane.StartAsync(new("one"), tools, TimeProvider.System, ct))
        await using (RealControlPlane two = await RealControlPlane.StartAsync(new("two") { ControllerManager = false }, tools, TimeProvider.System, ct))
        {
            ids.AddRange([.. one.Processes.Concat(two.Processes).Select(process => process.Id)]);
            folders.AddRange([one.Folder, two.Folder]);

            await one.Kubectl(tools.OldKubectl).ExpectAsync("create", "configmap", "only-in-one", "--from-literal=key=value");

            Assert.Contains("v1.20.2", await one.Kubectl(tools.NewKubectl).ExpectAsync("version"), StringComparison.Ordinal);
            Assert.Equal("value", await one.Kubectl(tools.NewKubectl).ExpectAsync("get", "configmap", "only-in-one", "-o", "jsonpath={.data.key}"));
            CommandResult absent = await two.Kubectl(tools.NewKubectl).RunAsync("get", "configmap", "only-in-one");
            Assert.Equal(1, absent.ExitCode);
            Assert.Contains("NotFound", absent.Error, StringComparison.Ordinal);
            Assert.Equal(5, ids.Count);
        }
        Assert.All(ids, id => Assert.False(Directory.Exists($"/proc/{id}"), $"process {id} was left behind"));
        Assert.All(folders, folder => Assert.False(Directory.Exists(folder), $"{folder} was left behind"));
    }

    [Fact]
    public async Task RealControlPlane_refusedByAnUnknownFlag_failsWithTheProgramsOwnWords()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);

        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            RealControlPlane.StartAsync(new("broken") { ApiServerArguments = ["--no-such-flag"] }, tools, TimeProvider.System, ct));

        Assert.Contains("kube-apiserver of broken", error.Message, StringComparison.Ordinal);
        Assert.Contains("unknown flag: --no-such-flag", error.Message, StringComparison.Ordinal);
    }
}
