using System.Diagnostics;
using System.Runtime.Versioning;
using Ote.EdgeHub;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub;

/// <summary>As root, who alone gives a folder to others.</summary>
[SupportedOSPlatform("linux")]
public sealed class PrivateFolderTests : IDisposable
{
    private readonly Scratch _folder = new("private");

    public PrivateFolderTests() => Directory.CreateDirectory(_folder["data"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_of_ones_own_is_taken_and_one_that_is_not_there()
    {
        Check("data");
        Check("none");
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void One_where_others_may_write_is_refused(UnixFileMode more)
    {
        File.SetUnixFileMode(_folder["data"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | more);
        Assert.Contains("can be written by others than its owner", Assert.Throws<IOException>(() => Check("data")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_belongs_to_another_user_is_refused_though_nobody_else_may_write_there()
    {
        using (var chown = Process.Start("chown", ["65534", _folder["data"]]))
        {
            chown.WaitForExit();
            Assert.Equal(0, chown.ExitCode);
        }

        Assert.StartsWith($"{_folder["data"]} belongs to user 65534, who could put a key there", Assert.Throws<IOException>(() => Check("data")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_anybody_could_put_another_in_the_place_of_is_refused_also_when_it_is_not_there_and_a_sticky_one_above_keeps_it()
    {
        const UnixFileMode everybody = (UnixFileMode)0b111_111_111;
        File.SetUnixFileMode(_folder["data"], everybody);
        Assert.StartsWith($"{_folder["data"]} can be written by anybody", Assert.Throws<IOException>(() => Check("data/none/of")).Message, StringComparison.Ordinal);
        File.SetUnixFileMode(_folder["data"], everybody | UnixFileMode.StickyBit);
        Check("data/none/of");
    }

    private void Check(string name) => PrivateFolder.Check(_folder[name], "--data", "a key");
}
