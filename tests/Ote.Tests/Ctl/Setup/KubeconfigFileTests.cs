using Ote.Ctl.Setup;
using Ote.Kube.Client;

namespace Ote.Tests.Ctl.Setup;

public sealed class KubeconfigFileTests
{
    [Theory]
    [InlineData("/nowhere/.kube/config")]
    [InlineData("/proc/config")]
    public void Missing_file_is_told_with_the_ways_to_name_one_and_where_the_roots_is(string path)
    {
        var expected = $"kubeconfig {path}: there is no such file; name one with --kubeconfig or $KUBECONFIG, such as the root's own, whose path it prints at its start";
        Assert.Equal(expected, Assert.Throws<KubeconfigException>(() => KubeconfigFile.Load(path, null)).Message);
        Assert.Equal(expected, Assert.Throws<KubeconfigException>(() => KubeconfigFile.Read(path)).Message);
    }

    [Fact]
    public void Folder_in_its_place_is_not_told_as_missing()
    {
        var folder = Path.GetTempPath();
        Assert.DoesNotContain("no such file", Assert.Throws<KubeconfigException>(() => KubeconfigFile.Load(folder, null)).Message, StringComparison.Ordinal);
        Assert.DoesNotContain("no such file", Assert.Throws<KubeconfigException>(() => KubeconfigFile.Read(folder)).Message, StringComparison.Ordinal);
    }
}
