using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Up;

/// <summary>What <c>up</c> cannot do as asked is one clear line on standard error and exit code 2.</summary>
public sealed class UpRefusedTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Up_onATakenPort_saysWhichAndHowToTakeAnother()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        string port = ((IPEndPoint)taken.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture);

        CommandResult run = await UpRun.ToEndAsync(Ct, "--api-port", port, "--exit");

        Refused(run, $"port {port}", "choose another with --api-port");
        Assert.Empty(run.Out);
    }

    [Fact]
    public async Task Up_inADirectoryThatCannotBeWritten_saysWhichAndWhy()
    {
        using Scratch scratch = new("up-readonly");
        string data = Directory.CreateDirectory(scratch["data"]).FullName;

        // The tests run as root, whom only a read-only file system keeps from writing.
        CommandResult run = await CommandLine.RunAsync(
            "unshare",
            ["--mount", "bash", "-c", "mount -t tmpfs -o ro none \"$0\" && exec dotnet \"$@\"", data, Repository.Executable("ote-center"), "up", "--data", data, "--api-port", "0", "--exit"],
            environment: null, input: null, TimeSpan.FromMinutes(2), Ct);

        Refused(run, $"--data {data}: ", "choose a directory that you may write to");
    }

    [Fact]
    public async Task Up_withADataDirectoryThatIsAFile_saysSo()
    {
        using Scratch scratch = new("up-file");
        await File.WriteAllTextAsync(scratch["data"], "", Ct);

        Refused(await UpRun.ToEndAsync(Ct, "--data", scratch["data"], "--exit"), $"--data {scratch["data"]}: it is not a directory", "choose an empty or a new directory");
    }

    [Fact]
    public async Task Up_withADataDirectoryInUse_saysWhoHasIt()
    {
        using Scratch scratch = new("up-twice");
        await using ProductProcess first = new("first", "ote-center", ["up", "--clusters", "1", "--data", scratch["data"], "--api-port", "0"], scratch.Path);
        await first.StartAsync();
        await first.WaitForLineAsync("Ctrl-C ends it", TimeSpan.FromMinutes(2), Ct);

        Refused(await UpRun.ToEndAsync(Ct, "--clusters", "1", "--data", scratch["data"], "--exit"), scratch["data"], "another './ote up' runs there");
        Refused(await UpRun.ToEndAsync(Ct, "--clusters", "9", "--data", scratch["data"], "--exit"), "--data ", "another directory with --data DIR");
        Assert.Contains("\"clusters\":1,", await File.ReadAllTextAsync(Path.Combine(scratch["data"], "up.json"), Ct), StringComparison.Ordinal);
        Assert.False(first.Exited.IsCompleted);
    }

    [Fact]
    public async Task Up_thatIsCutOffBeforeItIsDone_endsWithTheSignalsCode()
    {
        using Scratch scratch = new("up-cut");
        await using ProductProcess up = new("cut", "ote-center", ["up", "--clusters", "50", "--exit", "--api-port", "0"], scratch.Path);
        await up.StartAsync();
        await up.WaitForLineAsync("starting ", TimeSpan.FromMinutes(1), Ct);

        Assert.Equal(143, await up.StopAsync(TimeSpan.FromMinutes(1)));
    }

    [Theory]
    [InlineData("a=/nowhere/admin.conf", "/nowhere/admin.conf", "Give the path of a readable kubeconfig")]
    [InlineData("/etc/kubernetes/admin.conf", "'/etc/kubernetes/admin.conf' is not NAME=FILE", "--kubeconfig a=")]
    [InlineData("a=/proc/version", "kubeconfig /proc/version", "")]
    [InlineData("north=/proc/version", "north", "--kubeconfig")]
    [InlineData("Not_A_Name=/proc/version", "Not_A_Name", "--kubeconfig")]
    public async Task Up_withABadKubeconfig_saysWhichAndWhy(string option, string thing, string next) =>
        Refused(await UpRun.ToEndAsync(Ct, "--kubeconfig", option, "--exit"), thing, next);

    [Theory]
    [InlineData("--clusters", "-1", "--clusters: -1 is not between 1 and 5000, or 0 beside --kubeconfig")]
    [InlineData("--clusters", "0", "--clusters 0: there is no leaf to send the workload to; ask for 1 to 5000, or put a real cluster at a leaf with --kubeconfig NAME=FILE")]
    [InlineData("--api-port", "70000", "--api-port: 70000 is no port")]
    [InlineData("--clusters", "many", "many")]
    [InlineData("--output", "xml", "xml")]
    public async Task Up_withAValueThatCannotBe_saysWhichCan(string option, string value, string expected) =>
        Refused(await UpRun.ToEndAsync(Ct, option, value, "--exit"), expected, "");

    [Theory]
    [InlineData(401, "does not know the kubeconfig's user (401: not in this shop)", "get a new kubeconfig")]
    [InlineData(403, "act as kubernetes-admin in system:masters, as the job does (403: not in this shop)", "give the kubeconfig of one of its administrators")]
    public async Task Up_withCredentialsThatAreRefused_saysSoBeforeAnythingStarts(int code, string cause, string next)
    {
        await using UnwillingCluster shop = await UnwillingCluster.StartAsync(code, readable: false, Ct);

        CommandResult run = await UpRun.ToEndAsync(Ct, "--kubeconfig", $"shop={shop.Kubeconfig}", "--exit");

        Refused(run, $"--kubeconfig shop={shop.Kubeconfig}: ", next);
        Assert.Contains(cause, run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }

    private static void Refused(CommandResult run, string thing, string next)
    {
        Assert.True(run.ExitCode == 2, $"{run.Command}\nended with {run.ExitCode}\n{run.Error}{run.Out}");
        string line = Assert.Single(UpRun.Lines(run.Error));
        Assert.StartsWith("error: ", line, StringComparison.Ordinal);
        Assert.Contains(thing, line, StringComparison.Ordinal);
        Assert.Contains(next, line, StringComparison.Ordinal);
    }
}
