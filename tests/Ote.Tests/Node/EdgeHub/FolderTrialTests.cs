using Ote.Node.EdgeHub;
using Ote.Roles.Hosting;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Node.EdgeHub;

public sealed class FolderTrialTests : IDisposable
{
    private readonly Scratch _folder = new("trial");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_that_can_be_made_or_written_is_taken_and_nothing_is_left_there()
    {
        Directory.CreateDirectory(_folder["there"]);
        FolderTrial.Look("--data", _folder["there"]);
        FolderTrial.Look("--data", _folder["not/yet/there"]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["there"]));
        Assert.False(Directory.Exists(_folder["not"]));
    }

    [Fact]
    public void One_where_nothing_can_be_made_is_refused_with_the_option() => Assert.Equal(
        "--write-kubeconfigs: /proc/foo cannot be made, nothing can be made in /proc; name a folder that this user may make or write",
        Assert.Throws<RoleException>(() => FolderTrial.Look("--write-kubeconfigs", "/proc/foo")).Message);

    [Fact]
    public void A_file_is_no_folder()
    {
        File.WriteAllText(_folder["file"], "");
        Assert.Equal($"--data: {_folder["file"]} is not a directory; choose an empty or a new one", Assert.Throws<RoleException>(() => FolderTrial.Look("--data", _folder["file"] + "/below")).Message);
    }
}
