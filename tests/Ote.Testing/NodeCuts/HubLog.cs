using Microsoft.Extensions.Logging;

namespace Ote.Testing.NodeCuts;

/// <summary>What one run of the hub logs, as a part of the story. What it has no cause for is a failure. One thread.</summary>
/// <param name="story">Where it goes.</param>
/// <param name="run">Which run.</param>
internal sealed class HubLog(CutStory story, int run) : ILoggerFactory, ILogger
{
    private const int Connected = 7004;
    private const int MergeConflict = 7006;

    /// <summary>It was killed, and is not heard any more.</summary>
    public bool IsOver { get; set; }

    /// <summary>Objects that it told the API server of.</summary>
    public int Told { get; private set; }

    /// <summary>Objects of which something was lost.</summary>
    public int Conflicts { get; private set; }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsOver || !IsEnabled(logLevel))
        {
            return;
        }

        Conflicts += eventId.Id == MergeConflict ? 1 : 0;
        Told += eventId.Id == Connected && state is IReadOnlyList<KeyValuePair<string, object?>> named && named.FirstOrDefault(pair => pair.Key == "Told").Value is int told ? told : 0;
        var line = $"hub {run} says: {formatter(state, exception)}{(exception is null ? "" : $" | {exception.GetType().Name}: {exception.Message}")}";
        if (logLevel >= LogLevel.Error)
        {
            story.Violate(line + exception?.StackTrace);
        }
        else
        {
            story.Tell(line);
        }
    }

    public void Dispose()
    {
        // There is nothing to end.
    }
}
