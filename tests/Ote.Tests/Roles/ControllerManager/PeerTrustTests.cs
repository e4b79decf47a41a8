using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Reports;
using Ote.Kube.Resources;
using Ote.Kube.Server.Access;
using Ote.Roles.ControllerManager;

namespace Ote.Tests.Roles.ControllerManager;

/// <summary>By what controller managers know each other.</summary>
public sealed class PeerTrustTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly ServerPki _first;
    private readonly ServerPki _second;
    private readonly PeerTrust _trust;
    private FollowPlace? _told;
    private int _reads;

    public PeerTrustTests()
    {
        (_first, _second) = (ServerPki.Open(null, "first", [], _time), ServerPki.Open(null, "second", [], _time));
        _told = Place(_first);
        _trust = new PeerTrust(
            _ =>
            {
                _reads++;
                return _told is { } told ? Task.FromResult(told) : throw new IOException("played");
            },
            _time);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _trust.Dispose();
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public async Task Who_has_the_certificate_that_the_root_gives_is_believed_and_nobody_else()
    {
        await _trust.ReadAsync(Ct);
        using var member = Certificate(_first);
        Assert.True(await _trust.BelievesAsync(member, Ct));
        using var named = Certificate(_first, "somebody");
        Assert.False(await _trust.BelievesAsync(named, Ct));
        using var stranger = Certificate(_second);
        Assert.False(await _trust.BelievesAsync(stranger, Ct));
        Assert.False(await _trust.BelievesAsync(_first.Serving, Ct));
        _time.Advance(TimeSpan.FromDays(800));
        Assert.False(await _trust.BelievesAsync(member, Ct));
    }

    [Fact]
    public async Task When_another_replica_of_the_root_leads_who_comes_with_its_certificate_has_it_read_and_the_former_is_believed_still()
    {
        await _trust.ReadAsync(Ct);
        _told = Place(_second);
        _time.Advance(TimeSpan.FromSeconds(2));
        using var next = Certificate(_second);
        Assert.True(await _trust.BelievesAsync(next, Ct));
        using var former = Certificate(_first);
        Assert.True(await _trust.BelievesAsync(former, Ct));
        Assert.Equal(_second.AuthorityPem, _trust.Known!.AuthorityPem);
    }

    [Fact]
    public async Task Strangers_have_it_read_once_a_second_at_most()
    {
        _told = null;
        using var stranger = Certificate(_second);
        for (var i = 0; i < 5; i++)
        {
            Assert.False(await _trust.BelievesAsync(stranger, Ct));
        }

        Assert.Equal(1, _reads);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await _trust.BelievesAsync(stranger, Ct));
        Assert.Equal(2, _reads);
    }

    private FollowPlace Place(ServerPki pki)
    {
        var (certificate, key) = pki.IssueClient(new UserInfo(FollowSecret.User, []), _time.GetUtcNow());
        return new FollowPlace("root:1", pki.AuthorityPem, certificate, key);
    }

    private X509Certificate2 Certificate(ServerPki pki, string name = FollowSecret.User)
    {
        var (certificate, key) = pki.IssueClient(new UserInfo(name, []), _time.GetUtcNow());
        return X509Certificate2.CreateFromPem(certificate, key);
    }
}
