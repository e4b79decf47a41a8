using System.Runtime.InteropServices;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles.Hosting;

public sealed class RoleFaultsTests
{
    [Fact]
    public void A_full_disk_is_told_with_the_file_the_cause_and_what_to_do()
    {
        var full = Assert.ThrowsAny<IOException>(() =>
        {
            using var disk = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0); // Linux: takes nothing, ever
            disk.Write([1]);
        });
        Assert.True(RoleFaults.IsForOperator(full));
        Assert.Equal("/dev/full cannot be written: no room is left for it. Make room on its disk, and start again", RoleFaults.Line(full));
    }

    [Fact]
    public void A_library_that_is_not_beside_the_executable_is_told_with_where_it_belongs()
    {
        var missing = new TypeInitializationException("Anything", Assert.Throws<DllNotFoundException>(() => NativeLibrary.Load("no_such_library", typeof(RoleFaultsTests).Assembly, null)));
        Assert.True(RoleFaults.IsForOperator(missing));
        Assert.StartsWith($"a library cannot be loaded: it is to be beside the executable in {AppContext.BaseDirectory}", RoleFaults.Line(missing), StringComparison.Ordinal);
        Assert.Contains("no_such_library", RoleFaults.Line(missing), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("No space left on device : '/d/identity/epoch.new'", 28, "/d/identity/epoch.new cannot be written: no room is left for it. Make room on its disk, and start again")]
    [InlineData("Disk quota exceeded : '/d/it's/x'.", 122, "/d/it's/x cannot be written: no room is left for it. Make room on its disk, and start again")]
    [InlineData("No space left on device", 28, "a file cannot be written: no room is left for it. Make room on its disk (No space left on device), and start again")]
    [InlineData("The address is in use", 98, "The address is in use")]
    public void Line_names_the_file_where_the_system_does_and_keeps_the_words_of_any_other_fault(string said, int code, string line) =>
        Assert.Equal(line, RoleFaults.Line(new IOException(said, code)));
}
