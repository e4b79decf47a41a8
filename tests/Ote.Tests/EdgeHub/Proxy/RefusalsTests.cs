using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub.Proxy;

namespace Ote.Tests.EdgeHub.Proxy;

public sealed class RefusalsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Lines _lines = new();

    [Fact]
    public void Caller_that_is_refused_again_and_again_is_told_once_a_minute()
    {
        var refusals = new Refusals(_time, _lines);
        for (var i = 0; i < 100; i++)
        {
            refusals.Add(IPAddress.Loopback, "GET /api/v1/pods", "no credentials came with the request");
        }

        Assert.Equal(["GET /api/v1/pods from 127.0.0.1 was refused: no credentials came with the request"], _lines.Written);
        _time.Advance(TimeSpan.FromMinutes(1));
        refusals.Add(IPAddress.Loopback, "GET /api/v1/pods", "no credentials came with the request");
        Assert.Equal(2, _lines.Written.Count);
    }

    [Fact]
    public void Another_address_and_another_reason_are_told_by_themselves()
    {
        var refusals = new Refusals(_time, _lines);
        refusals.Add(IPAddress.Loopback, "GET /", "one");
        refusals.Add(IPAddress.Loopback, "GET /", "other");
        refusals.Add(IPAddress.Parse("10.0.0.1"), "GET /", "one");
        Assert.Equal(3, _lines.Written.Count);
    }

    private sealed class Lines : ILogger
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Written.Add(formatter(state, exception));
    }
}
