using System.Net;
using Ote.Ctl;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Live;

/// <summary>Logs, exec and a kubeconfig for clusters behind the control API.</summary>
public sealed class LiveCommandTests
{
    [Theory]
    [InlineData("logs web --cluster c17", "/clusters/c17/api/v1/namespaces/default/pods/web/log")]
    [InlineData("logs web-c17 -n apps", "/api/v1/namespaces/apps/pods/web-c17/log")]
    [InlineData("logs pod/web --cluster c17 -c app -f -p --timestamps --tail 5 --since 1m30s", "/clusters/c17/api/v1/namespaces/default/pods/web/log?container=app&follow=true&previous=true&timestamps=true&tailLines=5&sinceSeconds=90")]
    public async Task Logs_are_asked_for_at_the_pods_cluster(string arguments, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        var asked = new List<string>();
        world.Between = _ => new Played(request =>
        {
            asked.Add(request.RequestUri!.PathAndQuery);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("one\ntwo\n") };
        });
        var result = await world.RunAsync(arguments.Split(' '));
        Assert.Equal((0, "one\ntwo\n", expected), (result.Code, result.Out, Assert.Single(asked)));
    }

    [Fact]
    public async Task A_log_that_is_followed_is_printed_as_it_comes_however_long_it_takes_to_begin()
    {
        await using var world = await CtlWorld.StartAsync();
        var (begins, more, read) = (new TaskCompletionSource<HttpResponseMessage>(), new TaskCompletionSource<byte[]>(), new TaskCompletionSource());
        world.Between = _ => new Played(_ => begins.Task);
        var following = world.RunAsync("logs", "web", "--cluster", "c17", "-f");
        world.Time.Advance(TimeSpan.FromHours(1)); // nothing was written for long
        Assert.False(following.IsCompleted);
        begins.SetResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new Slow("caf\u00e9 "u8.ToArray()[..4], more.Task, read)) }); // in the middle of a letter
        await read.Task;
        more.SetResult([0xa9, (byte)'\n']);
        var result = await following;
        Assert.Equal((0, "caf\u00e9\n"), (result.Code, result.Out));
    }

    [Fact]
    public async Task Logs_of_a_workload_are_kubectls_with_all_that_was_asked_for()
    {
        await using var world = await CtlWorld.StartAsync();
        var folder = Directory.CreateTempSubdirectory("otectl-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "kubectl"), "", CtlWorld.Stop);
            world.Variables["PATH"] = folder.FullName;
            world.ProgramCode = 3;
            Assert.Equal(3, (await world.RunAsync("logs", "deploy/web", "--cluster", "c17", "-n", "apps", "-c", "app", "-f", "--tail", "5", "--since", "1m30s", "--kubeconfig", "/k")).Code);
            Assert.Equal(
                ["--kubeconfig", "/k", "--server", "https://control.test/clusters/c17", "logs", "deploy/web", "--namespace", "apps", "--container=app", "--follow=true", "--tail=5", "--since=90s"],
                Assert.Single(world.Started).Arguments);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_log_that_is_refused_is_told_in_the_servers_words()
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync("logs", "none");
        Assert.Equal((1, ""), (result.Code, result.Out));
        Assert.Contains("pods \"none\" not found", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exec_is_kubectls_with_the_kubeconfig_in_use_and_the_clusters_address()
    {
        await using var world = await CtlWorld.StartAsync();
        var folder = Directory.CreateTempSubdirectory("otectl-");
        try
        {
            var kubectl = Path.Combine(folder.FullName, "kubectl");
            await File.WriteAllTextAsync(kubectl, "", CtlWorld.Stop);
            world.Variables["PATH"] = $"/nowhere{Path.PathSeparator}{folder.FullName}";
            world.ProgramCode = 42;
            var result = await world.RunAsync("exec", "web", "--cluster", "c17", "-n", "apps", "-c", "app", "-it", "--kubeconfig", "/k", "--context", "x", "--", "sh", "-c", "exit 42");
            Assert.Equal((42, "", ""), (result.Code, result.Out, result.Error));
            var (program, arguments) = Assert.Single(world.Started);
            Assert.Equal(kubectl, program);
            Assert.Equal(
                ["--kubeconfig", "/k", "--server", "https://control.test/clusters/c17", "--context", "x", "exec", "web", "--namespace", "apps", "--container", "app", "--stdin", "--tty", "--", "sh", "-c", "exit 42"],
                arguments);
            await world.RunAsync("exec", "pod/web-c17", "--kubeconfig", "/k", "--", "ls", "-l");
            Assert.Equal(["--kubeconfig", "/k", "--server", "https://control.test", "exec", "web-c17", "--namespace", "default", "--", "ls", "-l"], world.Started[^1].Arguments);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Exec_without_a_kubectl_says_so_and_how_else()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Variables["PATH"] = "/nowhere";
        var result = await world.RunAsync("exec", "web", "--cluster", "c17", "--", "ls");
        Assert.Equal((1, 0), (result.Code, world.Started.Count));
        Assert.Contains("there is no kubectl on the PATH", result.Error, StringComparison.Ordinal);
        Assert.Contains("otectl kubeconfig --cluster c17 --raw", result.Error, StringComparison.Ordinal);
        Assert.Equal((int)ExitCode.Usage, (await world.RunAsync("exec", "web", "--cluster", "c17")).Code); // nothing to run
    }

    [Fact]
    public async Task A_kubeconfig_for_a_cluster_is_of_the_same_user_at_the_clusters_address_and_fits_beside_the_other()
    {
        await using var world = await CtlWorld.StartAsync();
        var folder = Directory.CreateTempSubdirectory("otectl-");
        try
        {
            var file = Path.Combine(folder.FullName, "config");
            await world.AddClusterAsync("c17", null);
            await File.WriteAllTextAsync(file, """
                current-context: root
                clusters:
                - {name: tree, cluster: {server: "https://root:8443/", certificate-authority-data: Y2E=}}
                users:
                - {name: me, user: {token: secret}}
                contexts:
                - {name: root, context: {cluster: tree, user: me, namespace: apps}}
                """, CtlWorld.Stop);
            var shown = Yaml.ReadObject((await world.RunAsync("kubeconfig", "--kubeconfig", file, "--cluster", "c17", "--raw")).Out);
            Assert.Equal(("c17@root", "c17@root", "https://root:8443/clusters/c17", "Y2E="), (
                shown.Text("current-context"), shown.Items("clusters")![0].Text("name"), shown.Items("clusters")![0].Text("cluster", "server"), shown.Items("clusters")![0].Text("cluster", "certificate-authority-data")));
            Assert.Equal(("c17@root", "me", "apps", "secret"), (
                shown.Items("contexts")![0].Text("context", "cluster"), shown.Items("contexts")![0].Text("context", "user"), shown.Items("contexts")![0].Text("context", "namespace"), shown.Items("users")![0].Text("user", "token")));
            Assert.DoesNotContain("secret", (await world.RunAsync("kubeconfig", "--kubeconfig", file, "--cluster", "c17")).Out, StringComparison.Ordinal);
            Assert.Equal($"context c17@root written to {file}\n", (await world.RunAsync("kubeconfig", "--kubeconfig", file, "--cluster", "c17", "--merge", file)).Out);
            var merged = Yaml.ReadObject(await File.ReadAllTextAsync(file, CtlWorld.Stop));
            Assert.Equal(("root", 2, 2, 1), (merged.Text("current-context"), merged.Items("clusters")!.Count, merged.Items("contexts")!.Count, merged.Items("users")!.Count));
            Assert.Equal((int)ExitCode.Usage, (await world.RunAsync("kubeconfig", "--kubeconfig", file, "--cluster", "a/b")).Code);
            var unknown = await world.RunAsync("kubeconfig", "--kubeconfig", file, "--cluster", "c18");
            Assert.Equal((1, ""), (unknown.Code, unknown.Out));
            Assert.Contains("cluster 'c18' is not in the tree", unknown.Error, StringComparison.Ordinal);
            Assert.Contains("c17", unknown.Error, StringComparison.Ordinal);
            world.Between = _ => new Played(HttpResponseMessage (HttpRequestMessage _) => throw new HttpRequestException("nobody listens"));
            var unasked = await world.RunAsync("kubeconfig", "--kubeconfig", file, "--cluster", "c18");
            Assert.Equal(0, unasked.Code);
            Assert.Contains("warning: the control API does not say whether there is a cluster 'c18'", unasked.Error, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private sealed class Played(Func<HttpRequestMessage, Task<HttpResponseMessage>> answer) : HttpMessageHandler
    {
        public Played(Func<HttpRequestMessage, HttpResponseMessage> answer)
            : this(request => Task.FromResult(answer(request)))
        {
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => answer(request).WaitAsync(cancellationToken);
    }

    /// <summary>Gives a first piece, tells when the next is asked for, and gives that when it comes.</summary>
    private sealed class Slow(byte[] first, Task<byte[]> next, TaskCompletionSource asked) : Stream
    {
        private int _reads;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_reads == 1)
            {
                asked.TrySetResult();
            }

            var piece = _reads++ switch { 0 => first, 1 => await next.WaitAsync(cancellationToken), _ => [] };
            piece.CopyTo(buffer);
            return piece.Length;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
