using System.Text;
using Ote.Flow;

namespace Ote.Tests.Flow;

public sealed class RotatingFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-rotating-").FullName;

    private string File => Path.Combine(_folder, "log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Full_files_are_numbered_from_the_newest_and_the_oldest_goes()
    {
        using (var file = RotatingFile.Open(File, maxBytes: 4, backups: 2))
        {
            foreach (var line in (string[])["a\n", "b\n", "c\n", "d\n", "e\n", "f\n", "g\n", "h\n"])
            {
                file.Append(Encoding.UTF8.GetBytes(line));
            }
        }

        Assert.Equal(["log", "log.1", "log.2"], Directory.GetFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["g\nh\n", "e\nf\n", "c\nd\n"], new[] { File, File + ".1", File + ".2" }.Select(System.IO.File.ReadAllText));
        Assert.All(Directory.GetFiles(_folder), f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(f)));
    }

    [Fact]
    public void A_line_that_was_cut_off_is_ended_before_the_next()
    {
        System.IO.File.WriteAllText(File, "whole\nhal");
        using (var file = RotatingFile.Open(File, maxBytes: 100, backups: 1))
        {
            file.Append("next\n"u8);
            file.Append("last\n"u8);
        }

        Assert.Equal("whole\nhal\nnext\nlast\n", System.IO.File.ReadAllText(File));
    }

    [Fact]
    public void After_a_fault_the_file_is_opened_anew()
    {
        var opened = 0;
        using var file = RotatingFile.Open(File, maxBytes: 100, backups: 1, path => ++opened == 1 ? new Broken() : new FileStream(path, FileMode.Append));
        Assert.Throws<IOException>(() => file.Append("lost\n"u8));
        file.Append("kept\n"u8);
        file.Dispose();
        Assert.Equal("\nkept\n", System.IO.File.ReadAllText(File));
    }

    private sealed class Broken : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("No space left on device");
    }
}
