using Microsoft.Extensions.Logging;

namespace Ote.Tests.EdgeHub.Cache;

/// <summary>What was logged: ids and texts, in order. One thread.</summary>
internal sealed class Lines : ILogger
{
    public List<(int Id, string Text)> Told { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Told.Add((eventId.Id, formatter(state, exception)));
}
