using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Shim;
using Ote.Shim.Contract;
using Ote.Shim.Hosting;
using Ote.Shim.Remote;

namespace Ote.Tests.Shim.Hosting;

public sealed class ShimHostTests
{
    private static readonly ExecuteRequest s_get = new() { Destination = "api", Method = "GET", Url = "/a" };

    [Fact]
    public async Task Socket_and_its_new_directory_are_the_owners_alone()
    {
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim());

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(link.SocketPath));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(link.SocketPath)!));
    }

    [Fact]
    public async Task Path_served_by_a_living_process_is_one_clear_line_and_the_first_lives_on()
    {
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim());

        ShimStartException e = await Assert.ThrowsAsync<ShimStartException>(() => ShimHost.StartAsync(new ScriptedShim(), new() { Listen = link.Address }, NullLoggerFactory.Instance, ShimLink.Stop));

        Assert.Contains("served by another process", e.Message, StringComparison.Ordinal);
        Assert.Equal(200, (await link.Remote.ExecuteAsync(s_get, ShimLink.Stop)).Code);
    }

    [Fact]
    public async Task Path_served_by_another_program_is_left_alone()
    {
        await using ShimLink link = new();
        Directory.CreateDirectory(Path.GetDirectoryName(link.SocketPath)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using Socket other = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint(link.SocketPath));
        other.Listen();

        await Assert.ThrowsAsync<ShimStartException>(() => link.ServeAsync(new ScriptedShim()));

        Assert.True(File.Exists(link.SocketPath));
    }

    [Fact]
    public async Task Stale_socket_of_a_dead_process_is_taken_over()
    {
        await using ShimLink link = new();
        string folder = Path.GetDirectoryName(link.SocketPath)!;
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using (Socket dead = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(link.SocketPath + "x"));
            File.Move(link.SocketPath + "x", link.SocketPath); // so that closing it leaves the file, as kill -9 does
        }
        Assert.True(File.Exists(link.SocketPath));

        await link.ServeAsync(new ScriptedShim());

        Assert.Equal(200, (await link.Remote.ExecuteAsync(s_get, ShimLink.Stop)).Code);
    }

    [Fact]
    public async Task Ordinary_file_in_the_way_is_never_removed()
    {
        await using ShimLink link = new();
        Directory.CreateDirectory(Path.GetDirectoryName(link.SocketPath)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(link.SocketPath, "precious", ShimLink.Stop);

        ShimStartException e = await Assert.ThrowsAsync<ShimStartException>(() => link.ServeAsync(new ScriptedShim()));

        Assert.Contains("no socket", e.Message, StringComparison.Ordinal);
        Assert.Equal("precious", await File.ReadAllTextAsync(link.SocketPath, ShimLink.Stop));
    }

    [Fact]
    public async Task Directory_that_others_may_write_is_refused()
    {
        await using ShimLink link = new();
        string folder = Path.GetDirectoryName(link.SocketPath)!;
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);

        ShimStartException e = await Assert.ThrowsAsync<ShimStartException>(() => link.ServeAsync(new ScriptedShim()));

        Assert.Contains("0700", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_host_lets_the_running_request_finish()
    {
        TaskCompletionSource arrived = new(), release = new();
        await using ShimLink link = await ShimLink.StartAsync(new ScriptedShim
        {
            OnExecute = async (_, _) =>
            {
                arrived.SetResult();
                await release.Task;
                return ShimAnswer.FromCluster(200, default, "");
            },
        });
        Task<ExecuteResponse> running = link.Remote.ExecuteAsync(s_get, ShimLink.Stop);
        await arrived.Task.WaitAsync(ShimLink.Stop);

        Task stopping = link.StopServingAsync();
        release.SetResult();

        Assert.Equal(200, (await running).Code);
        await stopping;
        Assert.False(File.Exists(link.SocketPath));
    }

    [Fact]
    public async Task Host_leaves_the_signals_of_the_process_alone()
    {
        await using ShimLink link = new();
        using RecordingLoggers loggers = new();

        await using ShimHost host = await ShimHost.StartAsync(new ScriptedShim(), new() { Listen = link.Address }, loggers, ShimLink.Stop);

        // The lifetime that takes SIGINT and SIGTERM says so when it does.
        Assert.DoesNotContain(loggers.Lines, line => line.Contains("Ctrl+C", StringComparison.Ordinal));
        Assert.Contains(loggers.Lines, line => line.Contains(link.SocketPath, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Mutual_tls_serves_its_own_and_refuses_strangers()
    {
        using Authority ours = new("ours"), strangers = new("strangers");
        await using ShimHost host = await ShimHost.StartAsync(
            new ScriptedShim(),
            new() { Listen = ShimAddress.Parse("https://127.0.0.1:0"), Tls = new ShimTls(ours.Issue("shim"), ours.Certificates) { AllowedPeers = ["controller"] } },
            NullLoggerFactory.Instance, ShimLink.Stop);

        async Task<int> AskAsync(ShimTls tls)
        {
            await using RemoteShim remote = new(new() { Address = host.Address, Tls = tls }, TimeProvider.System, () => 0.5, NullLogger<RemoteShim>.Instance);
            return (await remote.ExecuteAsync(s_get, ShimLink.Stop)).Code;
        }

        Assert.Equal(200, await AskAsync(new ShimTls(ours.Issue("controller"), ours.Certificates)));
        await Assert.ThrowsAsync<ShimUnavailableException>(() => AskAsync(new ShimTls(ours.Issue("someone-else"), ours.Certificates)));
        await Assert.ThrowsAsync<ShimUnavailableException>(() => AskAsync(new ShimTls(strangers.Issue("controller"), ours.Certificates)));
        await Assert.ThrowsAsync<ShimUnavailableException>(() => AskAsync(new ShimTls(ours.Issue("controller"), strangers.Certificates)));
    }

    [Fact]
    public async Task Network_address_without_certificates_is_refused()
    {
        ShimStartException e = await Assert.ThrowsAsync<ShimStartException>(() => ShimHost.StartAsync(new ScriptedShim(), new() { Listen = ShimAddress.Parse("https://127.0.0.1:0") }, NullLoggerFactory.Instance, ShimLink.Stop));

        Assert.Contains("mutual TLS", e.Message, StringComparison.Ordinal);
    }

    /// <summary>Keeps what is logged.</summary>
    private sealed class RecordingLoggers : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }

    /// <summary>A certificate authority for one test.</summary>
    private sealed class Authority : IDisposable
    {
        private readonly X509Certificate2 _root;
        private byte _serial;

        public Authority(string name)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            _root = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddHours(-1), TimeProvider.System.GetUtcNow().AddHours(1));
        }

        public X509Certificate2Collection Certificates => [_root];

        public X509Certificate2 Issue(string name)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
            SubjectAlternativeNameBuilder names = new();
            names.AddIpAddress(System.Net.IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            using X509Certificate2 bare = request.Create(_root, _root.NotBefore, _root.NotAfter, [1, ++_serial]);
            return bare.CopyWithPrivateKey(key);
        }

        public void Dispose() => _root.Dispose();
    }
}
