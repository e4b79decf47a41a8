using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Identity;

public sealed class MembershipTests : IDisposable
{
    private static readonly PeerIdentity North = new("north", "u-north");
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-member-").FullName;
    private readonly CertificateAuthority _authority = CertificateAuthority.Create(TimeProvider.System);

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Proof_is_of_one_name_one_uid_and_one_ca()
    {
        using var other = CertificateAuthority.Create(TimeProvider.System);
        var proof = _authority.CreateIdentity(North, []).Membership;
        Assert.True(_authority.IsMember(North, proof.Span));
        Assert.False(_authority.IsMember(North with { Name = "south" }, proof.Span));
        Assert.False(_authority.IsMember(North with { Uid = "u-south" }, proof.Span));
        Assert.False(_authority.IsMember(new PeerIdentity("northu", "-north"), proof.Span));
        Assert.False(_authority.IsMember(North, proof.Span[1..]));
        Assert.False(_authority.IsMember(North, []));
        Assert.False(other.IsMember(North, proof.Span));
    }

    [Fact]
    public void Ca_that_was_read_again_makes_and_takes_the_same_proofs()
    {
        var (certificate, key) = _authority.ExportPem();
        using var again = CertificateAuthority.FromPem(certificate, key, TimeProvider.System);
        Assert.Equal(_authority.ProveMember(North), again.ProveMember(North));
    }

    [Fact]
    public void Proof_is_kept_beside_the_certificate_and_what_is_none_counts_as_missing()
    {
        var identity = _authority.CreateIdentity(North, []);
        identity.Save(_folder);
        Assert.Equal(identity.Membership.ToArray(), ClusterIdentity.Load(_folder)!.Membership.ToArray());
        File.WriteAllText(Path.Combine(_folder, "membership"), "cut");
        Assert.True(ClusterIdentity.Load(_folder)!.Membership.IsEmpty);
        File.Delete(Path.Combine(_folder, "membership")); // as an older build left it
        Assert.True(ClusterIdentity.Load(_folder)!.Membership.IsEmpty);
    }

    [Fact]
    public void While_the_ca_is_exchanged_proofs_of_either_count_and_afterwards_only_those_of_the_next()
    {
        using var authorities = RootAuthorities.LoadOrCreate(_folder, TimeProvider.System, null);
        var former = authorities.Active.ProveMember(North);
        authorities.Start("1");
        authorities.Switch("2");
        var next = authorities.Active.ProveMember(North);
        Assert.True(authorities.IsMember(North, former) && authorities.IsMember(North, next));
        authorities.Finish(TimeSpan.Zero, "3");
        Assert.True(authorities.ForgetOther());
        Assert.False(authorities.IsMember(North, former));
        Assert.True(authorities.IsMember(North, next));
    }
}
