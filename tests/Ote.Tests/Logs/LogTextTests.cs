using Microsoft.Extensions.Logging;
using Ote.Cluster.Identity;
using Ote.Cluster.Lateral;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Logs;

/// <summary>Lines that people read.</summary>
public sealed class LogTextTests
{
    private readonly LastLine _log = new();

    [Theory]
    [InlineData(68.6497, "Parent https://p:1/ not reached: refused; trying again in 0.07 s, and further without saying so while the cause stays")]
    [InlineData(15_000, "Parent https://p:1/ not reached: refused; trying again in 15 s, and further without saying so while the cause stays")]
    [InlineData(90_500, "Parent https://p:1/ not reached: refused; trying again in 90.5 s, and further without saying so while the cause stays")]
    public void Waits_are_told_in_seconds(double milliseconds, string line)
    {
        _log.NotReached(new Uri("https://p:1"), "refused", TimeSpan.FromMilliseconds(milliseconds));
        Assert.Equal(line, _log.Text);
    }

    [Fact]
    public void Waits_of_lateral_links_are_told_in_seconds_too()
    {
        _log.LateralNotMade("c2", "c2:1", "refused", TimeSpan.FromSeconds(1.25));
        Assert.Equal("No lateral link with c2 at c2:1: refused; trying again in 1.25 s, and further without saying so while the cause stays", _log.Text);
    }

    [Theory]
    [InlineData(JoinAnswer.Types.Outcome.Issued, "", "The request of c1 (u1) to join: Issued")]
    [InlineData(JoinAnswer.Types.Outcome.Refused, "the join token is used up", "The request of c1 (u1) to join: Refused: the join token is used up")]
    public void Answer_to_a_request_to_join_is_followed_by_its_text_where_there_is_one(JoinAnswer.Types.Outcome outcome, string text, string line)
    {
        _log.JoinAnswered("c1", "u1", outcome, text);
        Assert.Equal(line, _log.Text);
    }

    private sealed class LastLine : ILogger
    {
        public string? Text { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Text = formatter(state, exception);
    }
}
