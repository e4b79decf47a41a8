using Ote.Center.Up;

namespace Ote.Tests.Center.Up;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-up-test-").FullName;

    private string Data => Path.Combine(_folder, "data");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_is_one_ups_at_a_time_and_the_other_is_told_what_to_do()
    {
        using (DataDirectory.Take(Data))
        {
            var refused = Assert.Throws<UpException>(() => DataDirectory.Take(Data));
            Assert.Equal($"--data {Data}: another './ote up' runs there; end it first, or choose another directory with --data DIR", refused.Message);
        }

        DataDirectory.Take(Data).Dispose();
    }

    [Fact]
    public void What_holds_something_else_is_refused_and_left_as_it_is()
    {
        Directory.CreateDirectory(Data);
        File.WriteAllText(Path.Combine(Data, "thesis.tex"), "");
        var refused = Assert.Throws<UpException>(() => DataDirectory.Take(Data));
        Assert.Contains("it is not empty (thesis.tex) and not of an earlier up", refused.Message, StringComparison.Ordinal);
        Assert.Equal(["thesis.tex"], Directory.GetFileSystemEntries(Data).Select(Path.GetFileName));
    }

    [Fact]
    public void What_is_no_directory_or_cannot_become_one_is_told_as_that()
    {
        File.WriteAllText(Data, "");
        Assert.Equal($"--data {Data}: it is not a directory; choose an empty or a new directory with --data DIR", Assert.Throws<UpException>(() => DataDirectory.Take(Data)).Message);
        Assert.Equal(
            "--data /proc/x: it cannot be made (nothing can be made there); choose a directory that you may write to with --data DIR",
            Assert.Throws<UpException>(() => DataDirectory.Take("/proc/x")).Message);
    }

    [Fact]
    public void An_earlier_tree_is_found_again_and_every_folder_is_its_owners_alone()
    {
        using (var first = DataDirectory.Take(Data))
        {
            new TreeMake(4, []).Write(first.Path);
            first.Of("c1");
        }

        using var again = DataDirectory.Take(Data);
        Assert.All((string[])[again.Path, again.Of("c1"), again.Of("root")], folder => Assert.Equal("drwx------", Mode(folder)));
    }

    private static string Mode(string folder) => File.GetUnixFileMode(folder) == (UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute) ? "drwx------" : "wider";
}
