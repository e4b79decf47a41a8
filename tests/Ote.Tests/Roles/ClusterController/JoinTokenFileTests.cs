using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Roles.ClusterController;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles.ClusterController;

/// <summary>A join token is of use once: a cluster that has joined starts again without its file.</summary>
public sealed class JoinTokenFileTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("ote-join-").FullName;
    private readonly StringWriter _warnings = new();

    private string TokenFile => Path.Combine(_data, "join-token");

    public void Dispose()
    {
        Directory.Delete(_data, recursive: true);
        _warnings.Dispose();
    }

    [Fact]
    public void Before_it_has_joined_the_file_is_read()
    {
        File.WriteAllText(TokenFile, " id.secret\n");
        File.SetUnixFileMode(TokenFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal("id.secret", JoinTokenFile.Read(TokenFile, _data, _warnings));
        Assert.Equal("", _warnings.ToString());
    }

    [Fact]
    public void File_that_others_can_read_is_warned_of()
    {
        File.WriteAllText(TokenFile, "id.secret");
        File.SetUnixFileMode(TokenFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.Equal("id.secret", JoinTokenFile.Read(TokenFile, _data, _warnings));
        Assert.StartsWith("warning: --join-token-file: others than its owner can read", _warnings.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "there is no such file")]
    [InlineData(true, "it is empty")]
    public void Before_it_has_joined_a_useless_file_is_told_with_the_next_step(bool exists, string why)
    {
        if (exists)
        {
            File.WriteAllText(TokenFile, "\n");
        }

        Assert.Equal(
            $"--join-token-file: {TokenFile}: {why}, and this cluster has not joined yet; make a token with otectl join-token create on the root, and put it there",
            Assert.Throws<RoleException>(() => JoinTokenFile.Read(TokenFile, _data, _warnings)).Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Once_it_has_joined_the_file_is_not_read_and_may_be_gone(bool exists)
    {
        using var authority = CertificateAuthority.Create(TimeProvider.System);
        authority.CreateIdentity(new PeerIdentity("north", "u-north"), []).Save(Path.Combine(_data, "identity"));
        if (exists)
        {
            File.WriteAllText(TokenFile, "used.up"); // readable by others, too: nothing is said of it either
        }

        Assert.Null(JoinTokenFile.Read(TokenFile, _data, _warnings));
        Assert.Equal("", _warnings.ToString());
    }
}
