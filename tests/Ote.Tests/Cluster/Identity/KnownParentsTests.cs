using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Identity;

public sealed class KnownParentsTests : IDisposable
{
    private static readonly Uri Address = new("https://north.example.org:8287");
    private readonly string directory = Directory.CreateTempSubdirectory("ote-parents-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Address_that_led_to_one_cluster_leads_to_no_other_also_after_a_restart()
    {
        KnownParents first = KnownParents.Load(directory);
        Assert.Null(first.Objection(Address, new PeerIdentity("north", "u1")));
        first.Remember(Address, new PeerIdentity("north", "u1"));
        KnownParents second = KnownParents.Load(directory);
        Assert.Null(second.Objection(Address, new PeerIdentity("north", "u1")));
        Assert.Contains("led to cluster north", second.Objection(Address, new PeerIdentity("north", "u2")), StringComparison.Ordinal);
        Assert.Contains("remove the line", second.Objection(Address, new PeerIdentity("evil", "u3")), StringComparison.Ordinal);
        Assert.Null(second.Objection(new Uri("https://north.example.org:9999"), new PeerIdentity("evil", "u3")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(directory, "parents")));
    }

    [Theory]
    [InlineData("https://127.0.0.1:40001")]
    [InlineData("https://[::1]:40001")]
    [InlineData("https://localhost:40001")]
    public void Loopback_may_lead_to_another_cluster_at_each_start(string address)
    {
        KnownParents known = KnownParents.Load(directory);
        known.Remember(new Uri(address), new PeerIdentity("north", "u1"));
        Assert.Null(known.Objection(new Uri(address), new PeerIdentity("south", "u2")));
        Assert.Empty(Directory.GetFiles(directory));
    }

    [Fact]
    public void Only_so_many_are_kept_and_a_broken_line_is_left_out()
    {
        KnownParents known = KnownParents.Load(directory);
        for (int i = 0; i < 40; i++) known.Remember(new Uri($"https://p{i}:1"), new PeerIdentity("north", "u1"));
        string path = Path.Combine(directory, "parents");
        Assert.Equal(32, File.ReadAllLines(path).Length);
        File.AppendAllText(path, "rubbish\n");
        Assert.NotNull(KnownParents.Load(directory).Objection(new Uri("https://p39:1"), new PeerIdentity("evil", "u3")));
    }

    [Fact]
    public async Task Member_of_the_tree_that_took_over_a_parents_address_gets_no_hello()
    {
        await using TlsTree tree = await new TlsTree().StartAsync();
        KnownParents known = KnownParents.Load(directory);
        known.Remember(Address, new PeerIdentity("north", "u1"));
        ClusterIdentity self = tree.Authority.CreateIdentity(new PeerIdentity("c1", "uid-c1"), []);
        WebSocketDialer dialer = new(() => self, TimeProvider.System, objection: (_, seen) => known.Objection(Address, seen));
        IOException refused = await Assert.ThrowsAsync<IOException>(() => dialer.DialAsync(tree.Address, TestContext.Current.CancellationToken));
        Assert.Contains("led to cluster north", refused.Message, StringComparison.Ordinal);
    }
}
