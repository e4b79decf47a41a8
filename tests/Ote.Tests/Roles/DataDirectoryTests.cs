using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Roles.ClusterController;
using Ote.Roles.EdgeCluster;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles;

/// <summary>A data directory is one cluster's, and one process's at a time; who comes second leaves it as it is.</summary>
public sealed class DataDirectoryTests : IDisposable
{
    // One that starts all the same would run until it is told to stop.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-data-").FullName;

    private string Data => Path.Combine(_folder, "data");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("cluster-controller")]
    [InlineData("edge-cluster")]
    public async Task Second_process_ends_at_once_with_the_code_of_a_wrong_command_line_and_writes_nothing(string role)
    {
        using (DataLock.Take(Data))
        {
            var command = role == "edge-cluster" ? EdgeClusterCommand.Create() : ClusterControllerCommand.Create();
            Assert.Equal(2, await command.Parse(["--data", Data]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken));
            Assert.Equal([DataLock.FileName], Directory.GetFileSystemEntries(Data).Select(Path.GetFileName));
            var said = Assert.Throws<RoleException>(() => DataLock.Take(Data)).Message;
            Assert.Contains($"{Data} is in use by another process", said, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', said);
        }

        DataLock.Take(Data).Dispose(); // whoever comes after it
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Data, DataLock.FileName)));
    }

    [Fact]
    public void What_is_no_directory_or_cannot_become_one_is_told_as_that()
    {
        File.WriteAllText(Data, "");
        Assert.Equal($"--data: {Data} is not a directory; choose an empty or a new one", Assert.Throws<RoleException>(() => DataLock.Take(Data)).Message);
        Assert.StartsWith("--data: /proc/x cannot be made, nothing can be made there;", Assert.Throws<RoleException>(() => DataLock.Take("/proc/x")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("north", "root", null)]
    [InlineData("north", "south", "https://127.0.0.1:1")]
    [InlineData("root", "north", "https://127.0.0.1:1")]
    public async Task Another_clusters_directory_is_refused_before_anything_is_written_there(string owner, string name, string? parent)
    {
        var identity = Path.Combine(Data, "identity");
        using var authority = owner == "root" ? CertificateAuthority.LoadOrCreate(identity, TimeProvider.System) : CertificateAuthority.Create(TimeProvider.System);
        if (owner != "root")
        {
            authority.CreateIdentity(new PeerIdentity(owner, "u-" + owner), []).Save(identity);
        }

        string[] before = [.. Directory.GetFileSystemEntries(Data, "*", SearchOption.AllDirectories).Order()];
        var arguments = new ClusterControllerArguments
        {
            Options = new ClusterControllerOptions { Name = name, DataDirectory = Data, Parent = parent is null ? null : new Uri(parent), Listen = new(System.Net.IPAddress.Loopback, 0) },
            Api = parent is null ? new(System.Net.IPAddress.Loopback, 0) : null,
            ManagedKind = "k8s",
            Impersonate = "requester",
        };
        using var host = new RoleHost(LogLevel.None, json: false);
        var refused = await Assert.ThrowsAsync<RoleException>(() => ClusterControllerRole.RunAsync(host, arguments).WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Contains($"holds the identity of cluster '{owner}', not '{name}'", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFileSystemEntries(Data, "*", SearchOption.AllDirectories).Order());
    }
}
