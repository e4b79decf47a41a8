using System.Globalization;
using System.Text;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles.Hosting;

public sealed class FilePagesTests
{
    private const string Code = """
        00405000-00e5f000 r-xp 00005000 fe:00 1234567                            /usr/bin/ote node
        Size:              10600 kB
        Private_Dirty:         0 kB
        Anonymous:             0 kB
        VmFlags: rd ex mr mw me

        """;

    [Fact]
    public void Code_and_constants_that_lie_in_a_file_as_they_were_can_go() =>
        Assert.Equal(["405000-e5f000", "e60000-e70000"], Found(Code + Mapping("00e60000-00e70000 r--p 00a5b000 fe:00 1234567 /usr/bin/ote")));

    [Theory]
    [InlineData("00e60000-00e70000 r--p 00a5b000 fe:00 1234567 /usr/bin/ote", 4)] // set up by the loader, and then closed: gone for ever if it went
    [InlineData("00e60000-00e70000 rw-p 00a5b000 fe:00 1234567 /usr/bin/ote", 0)] // may be written in this moment
    [InlineData("00e60000-00e70000 r--p 00000000 00:00 0", 0)] // lies in no file
    [InlineData("7ffd50000000-7ffd50002000 r-xp 00000000 00:00 0 [vdso]", 0)]
    public void What_was_written_or_could_be_stays(string mapping, int written) =>
        Assert.Equal(["405000-e5f000"], Found(Mapping(mapping, written) + Code));

    [Fact]
    public void Lines_are_whole_however_the_system_hands_them_out()
    {
        var maps = string.Concat(Enumerable.Repeat(Code, 50));
        Assert.Equal(50, Found(maps, buffer: 128).Count);
    }

    [Fact]
    public void A_line_that_is_longer_than_any_is_passed_over_with_what_is_told_of_it() =>
        Assert.Equal(["405000-e5f000"], Found(Mapping($"00e60000-00e70000 r--p 00a5b000 fe:00 1234567 /{new string('x', 300)}") + Code, buffer: 128));

    [Fact]
    public void This_process_has_such_mappings()
    {
        using var maps = File.OpenRead("/proc/self/smaps");
        var count = 0;
        FilePages.Read(maps, new byte[8192], (begin, end) => count += begin < end ? 1 : 0);
        Assert.True(count > 10);
    }

    private static string Mapping(string header, int written = 0) => $"{header}\nPrivate_Dirty:         {written} kB\nAnonymous:             {written} kB\n";

    private static List<string> Found(string maps, int buffer = 8192)
    {
        var found = new List<string>();
        using var stream = new MemoryStream(Encoding.ASCII.GetBytes(maps));
        FilePages.Read(stream, new byte[buffer], (begin, end) => found.Add(string.Create(CultureInfo.InvariantCulture, $"{begin:x}-{end:x}")));
        return found;
    }
}
