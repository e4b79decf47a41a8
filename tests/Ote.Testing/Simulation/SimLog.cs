using Microsoft.Extensions.Logging;

namespace Ote.Testing.Simulation;

/// <summary>Log lines of simulated processes, with virtual time and name.</summary>
/// <param name="to">Where they go; null: nowhere.</param>
/// <param name="timeline">Virtual time.</param>
/// <param name="who">Whose lines.</param>
/// <param name="hears">Told each line as well; null: nobody is.</param>
/// <param name="violated">Told a line that nothing in the world gives cause for; null: nobody is.</param>
internal sealed class SimLog(TextWriter? to, Timeline timeline, string who, Action<string>? hears = null, Action<string>? violated = null) : ILoggerFactory, ILogger
{
    // A lateral peer, or a child, sent what has no place on its link: no controller of the tree does, and those that lie in other ways do not do this.
    private static readonly int[] s_never = [2366, 2367];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= (to is null && hears is null ? LogLevel.Warning : LogLevel.Debug);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var isNever = violated is not null && s_never.Contains(eventId.Id);
        if (to is null && hears is null && !isNever)
        {
            return;
        }

        var line = formatter(state, exception);
        if (isNever)
        {
            violated!($"{who}: {line}");
        }

        hears?.Invoke(line);
        to?.WriteLine($"{timeline.Elapsed:hh\\:mm\\:ss\\.fff} {who,-6} {logLevel,-11} {eventId.Id} {line}{(exception is null ? "" : " | " + exception.GetBaseException().Message)}");
    }

    public void Dispose()
    {
        // The writer is another's.
    }
}
