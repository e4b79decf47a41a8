using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Identity;

namespace Ote.Tests.Cluster.Identity;

public sealed class RootAuthoritiesTests : IDisposable
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly string directory = Directory.CreateTempSubdirectory("ote-ca-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Ca_that_replicas_share_is_not_exchanged()
    {
        using var shared = RootAuthorities.Of(CertificateAuthority.Create(TimeProvider.System));

        Assert.False(shared.CanExchange);
        Assert.Throws<InvalidOperationException>(() => shared.Start("1"));
    }

    [Fact]
    public void Each_step_is_found_again_by_a_restart_and_the_former_key_is_gone_after_the_grace()
    {
        CaPin first = Open().Active.Pin;
        Open().Start("r1");
        RootAuthorities trusting = Open();
        CaPin second = trusting.Other!.Pin;
        Assert.Equal((RolloverPhase.Trusting, first, "r1", 2), (trusting.Phase, trusting.Active.Pin, trusting.Request, trusting.Trust.Authorities.Count));

        trusting.Switch("r2");
        RootAuthorities renewing = Open();
        Assert.Equal((RolloverPhase.Renewing, second, first, second), (renewing.Phase, renewing.Active.Pin, renewing.Other!.Pin, CaPin.Of(renewing.Trust.Authorities[0])));
        Assert.True(renewing.Trust.Version > trusting.Trust.Version - 1);

        renewing.Finish(TimeSpan.FromHours(1), "r3");
        RootAuthorities finished = Open();
        Assert.Equal((RolloverPhase.Finished, second, first, 1, 2), (finished.Phase, finished.Active.Pin, finished.Other!.Pin, finished.Trust.Authorities.Count, finished.Trust.Signed!.Signatures.Count));
        Assert.False(finished.ForgetOther());
        time.Advance(TimeSpan.FromHours(1));
        Assert.True(finished.ForgetOther());

        RootAuthorities after = Open();
        Assert.Equal((RolloverPhase.None, second, null, finished.Trust.Version), (after.Phase, after.Active.Pin, after.Other, after.Trust.Version));
        Assert.False(File.Exists(Path.Combine(directory, "ca.key")));
        Assert.True(File.Exists(Path.Combine(directory, "ca.crt"))); // so that an older build does not begin a new tree
        after.Start("r4");
        Assert.NotEqual(second, Open().Other!.Pin);
    }

    [Fact]
    public void Switching_again_returns_to_the_former_ca_with_a_newer_word()
    {
        RootAuthorities authorities = Open();
        CaPin first = authorities.Active.Pin;
        authorities.Start("r1");
        authorities.Switch("r2");
        ulong version = authorities.Trust.Version;
        authorities.Switch("r3");
        Assert.Equal((RolloverPhase.Renewing, first), (Open().Phase, Open().Active.Pin));
        Assert.True(Open().Trust.Version > version);
    }

    [Fact]
    public void Missing_key_is_said_and_no_new_ca_is_begun()
    {
        RootAuthorities authorities = Open();
        authorities.Start("r1");
        authorities.Switch("r2");
        File.Delete(Path.Combine(directory, "ca-1", "ca.key"));
        Assert.Contains("restore both from a backup", Assert.Throws<IdentityException>(Open).Message, StringComparison.Ordinal);
    }

    private RootAuthorities Open() => RootAuthorities.LoadOrCreate(directory, time, null);
}
