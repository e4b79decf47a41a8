using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Identity;

public sealed class RevocationsTests : IDisposable
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly CertificateAuthority authority;
    private readonly IdentitySource child;

    public RevocationsTests()
    {
        authority = CertificateAuthority.Create(time);
        child = new IdentitySource(authority.CreateIdentity(new PeerIdentity("north", "u-north"), []));
    }

    public void Dispose() => authority.Dispose();

    [Fact]
    public void List_is_read_back_from_what_travels_and_versions_grow_even_from_nothing()
    {
        Revocations first = Revocations.None.Next([Entry("u1")], authority, time.GetUtcNow());
        Revocations second = first.Next([Entry("u1"), Entry("u2")], authority, time.GetUtcNow());
        Revocations read = Revocations.Read(RevocationList.Parser.ParseFrom(second.Signed!.ToByteArray()), authority.Authority)!;
        Assert.True(read.Contains("u1") && read.Contains("u2") && !read.Contains("u3"));
        Assert.True(second.Version > first.Version);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(Revocations.None.Next([], authority, time.GetUtcNow()).Version > second.Version); // a root that has lost its journal
    }

    [Fact]
    public async Task Cluster_in_between_can_neither_invent_nor_change_a_list_nor_bring_an_old_one_back()
    {
        using CertificateAuthority other = CertificateAuthority.Create(time);
        await using MemoryJournal journal = new();
        RevocationKeeper keeper = new(journal, child, NullLogger.Instance);
        Revocations old = Revocations.None.Next([], authority, time.GetUtcNow());
        Revocations now = old.Next([Entry("u1")], authority, time.GetUtcNow());
        RevocationList changed = now.Signed!.Clone();
        changed.Content = new RevokedClusters { Version = ulong.MaxValue }.ToByteString();
        await keeper.ReceiveAsync(Revocations.None.Next([Entry("u9")], other, time.GetUtcNow()).Signed!);
        await keeper.ReceiveAsync(changed);
        Assert.Equal(0UL, keeper.Current.Version);
        await keeper.ReceiveAsync(now.Signed!);
        await keeper.ReceiveAsync(old.Signed!);
        Assert.True(keeper.Current.Contains("u1"));
    }

    [Fact]
    public async Task List_outlives_a_restart_while_cut_off()
    {
        await using MemoryJournal journal = new();
        await new RevocationKeeper(journal, child, NullLogger.Instance).ReceiveAsync(Revocations.None.Next([Entry("u1")], authority, time.GetUtcNow()).Signed!);
        RevocationKeeper second = new(journal, child, NullLogger.Instance);
        second.Restore();
        Assert.Contains("otectl accept c-u1", second.Objection(new PeerIdentity("c-u1", "u1")), StringComparison.Ordinal);
        Assert.Null(second.Objection(new PeerIdentity("c2", "u2")));
    }

    private static RevokedCluster Entry(string uid) => new() { Name = "c-" + uid, Uid = uid };
}
