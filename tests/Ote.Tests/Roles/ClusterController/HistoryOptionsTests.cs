using System.CommandLine;
using Ote.Roles.ClusterController;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles.ClusterController;

public sealed class HistoryOptionsTests
{
    [Theory]
    [InlineData("", 24, 1073741824)]
    [InlineData("--history 7d", 168, 1073741824)]
    [InlineData("--history-max-bytes 5000000", 24, 5000000)]
    [InlineData("--history 12h --history-max-bytes 1048576", 12, 1048576)]
    public void What_is_kept_is_as_it_was_said(string arguments, double hours, long bytes)
    {
        var read = Read(arguments, shows: true);
        Assert.Equal((TimeSpan.FromHours(hours), bytes), (read.HistoryKept, read.HistoryBytes));
    }

    [Theory]
    [InlineData("--history 9m", true, "--history: '9m' is too short")]
    [InlineData("--history soon", true, "--history: 'soon' is no duration")]
    [InlineData("--history-max-bytes 1000", true, "--history-max-bytes: 1000 is too little")]
    [InlineData("--history 7d", false, "--history: this controller keeps nothing")]
    [InlineData("--history-max-bytes 5000000", false, "--history-max-bytes: this controller keeps nothing")]
    public void What_cannot_be_is_told(string arguments, bool shows, string words) =>
        Assert.StartsWith(words, Assert.Throws<RoleException>(() => Read(arguments, shows)).Message, StringComparison.Ordinal);

    private static Ote.Mirror.Applying.MirrorOptions Read(string arguments, bool shows)
    {
        var options = new HistoryOptions();
        var command = new Command("x");
        options.AddTo(command);
        return options.Read(command.Parse(arguments), shows);
    }
}
