using Microsoft.Extensions.Logging;

namespace Ote.Testing.Simulation;

/// <summary>Log lines of simulated processes, with virtual time and name.</summary>
/// <param name="to">Where they go; null: nowhere.</param>
/// <param name="timeline">Virtual time.</param>
/// <param name="who">Whose lines.</param>
/// <param name="hears">Told each line as well; null: nobody is.</param>
internal sealed class SimLog(TextWriter? to, Timeline timeline, string who, Action<string>? hears = null) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var line = formatter(state, exception);
        hears?.Invoke(line);
        to?.WriteLine($"{timeline.Elapsed:hh\\:mm\\:ss\\.fff} {who,-6} {logLevel,-11} {eventId.Id} {line}{(exception is null ? "" : " | " + exception.GetBaseException().Message)}");
    }

    public void Dispose()
    {
        // The writer is another's.
    }
}
