using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Center.Up;

namespace Ote.Tests.Center.Up;

public sealed class WaitingTests
{
    [Fact]
    public void Each_cluster_is_named_with_the_last_thing_it_complained_of()
    {
        var waiting = new Waiting();
        using var c1 = waiting.Loggers("c1", NullLoggerFactory.Instance);
        Log(c1, LogLevel.Warning, "Parent north not reached: refused.");
        Log(c1, LogLevel.Error, "Parent north not reached: its certificate is of another tree.");
        Log(c1, LogLevel.Information, "trying again");
        Assert.Equal("c1 (Parent north not reached: its certificate is of another tree), c2", waiting.For(["c2", "c1"]));
        Assert.Equal("a, b, c, d, e and 2 more", waiting.For(["g", "f", "e", "d", "c", "b", "a"]));
    }

    private static void Log(LastWords words, LogLevel level, string text) => words.CreateLogger("x").Log(level, default, text, null, static (said, _) => said);
}
