using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Identity;

/// <summary>Which CAs a cluster comes to trust, whoever brings the word.</summary>
public sealed class TreeTrustTests : IDisposable
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly CertificateAuthority former;
    private readonly CertificateAuthority next;
    private readonly MemoryJournal journal = new();

    public TreeTrustTests() => (former, next) = (CertificateAuthority.Create(time), CertificateAuthority.Create(time));

    public void Dispose()
    {
        former.Dispose();
        next.Dispose();
    }

    [Fact]
    public async Task Word_counts_when_a_ca_that_is_trusted_has_signed_it_and_no_older_one_afterwards()
    {
        using CertificateAuthority other = CertificateAuthority.Create(time);
        IdentitySource child = Child();
        TrustKeeper keeper = new(journal, child, NullLogger.Instance);
        TrustList changed = Word(7, former, next).Clone();
        changed.Content = new TrustedAuthorities { Version = 9, Authorities = { ByteString.CopyFrom(other.Authority.RawData) } }.ToByteString();
        TrustList borrowed = Word(8, other).Clone();
        borrowed.Signatures[0].Authority = ByteString.CopyFrom(former.Authority.RawData);

        await keeper.ReceiveAsync(Word(5, other));
        await keeper.ReceiveAsync(changed);
        await keeper.ReceiveAsync(borrowed);
        Assert.Equal((0UL, false), (child.Trust.Version, child.Trust.Trusts(other.Authority)));

        await keeper.ReceiveAsync(Word(2, former, next));
        await keeper.ReceiveAsync(Word(1, former));
        Assert.Equal((2UL, true, true), (child.Trust.Version, child.Trust.Trusts(former.Authority), child.Trust.Trusts(next.Authority)));
    }

    [Fact]
    public async Task Ca_that_was_dropped_is_not_trusted_any_more_nor_believed_also_after_a_restart()
    {
        TrustKeeper keeper = new(journal, Child(), NullLogger.Instance);
        await keeper.ReceiveAsync(TreeTrust.Make(2, [next.Authority], [next, former]).Signed!);
        IdentitySource again = Child();
        TrustKeeper second = new(journal, again, NullLogger.Instance);
        second.Restore();
        await second.ReceiveAsync(Word(3, former));
        Assert.Equal((2UL, false, true), (again.Trust.Version, again.Trust.Trusts(former.Authority), again.Trust.IsStale(again.Current)));
    }

    [Fact]
    public void List_of_revocations_is_read_by_who_trusts_either_ca_while_there_are_two()
    {
        Revocations list = Revocations.None.Next([new RevokedCluster { Name = "c1", Uid = "u1" }], [next, former], time.GetUtcNow());
        using CertificateAuthority other = CertificateAuthority.Create(time);
        Assert.NotNull(Revocations.Read(list.Signed!, former.Authority));
        Assert.NotNull(Revocations.Read(list.Signed!, next.Authority));
        Assert.Null(Revocations.Read(list.Signed!, other.Authority));
    }

    private static TrustList Word(ulong version, params CertificateAuthority[] authorities) => TreeTrust.Make(version, [.. authorities.Select(a => a.Authority)], authorities).Signed!;

    private IdentitySource Child() => new(former.CreateIdentity(new PeerIdentity("north", "u-north"), []));
}
