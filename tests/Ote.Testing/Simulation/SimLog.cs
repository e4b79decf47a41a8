using Microsoft.Extensions.Logging;

namespace Ote.Testing.Simulation;

/// <summary>Log lines of simulated processes, with virtual time and name.</summary>
internal sealed class SimLog(TextWriter to, Timeline timeline, string who) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        to.WriteLine($"{timeline.Elapsed:hh\\:mm\\:ss\\.fff} {who,-6} {logLevel,-11} {eventId.Id} {formatter(state, exception)}{(exception is null ? "" : " | " + exception.GetBaseException().Message)}");

    public void Dispose()
    {
        // The writer is another's.
    }
}
