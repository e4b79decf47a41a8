using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Ote.Center.Up;

/// <summary>The loggers of one cluster, which pass everything on and keep its last warning: what it says is why the tree waits for it. Thread-safe.</summary>
/// <param name="inner">Where everything goes.</param>
internal sealed class LastWords(ILoggerFactory inner) : ILoggerFactory
{
    private volatile string? _last;

    /// <summary>The last warning or error; null when there was none.</summary>
    public string? Last => _last;

    public ILogger CreateLogger(string categoryName) => new Listening(this, inner.CreateLogger(categoryName));

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    /// <summary>Whose it is ends the inner one.</summary>
    public void Dispose()
    {
    }

    private sealed class Listening(LastWords owner, ILogger logger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logger.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning || logger.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning)
            {
                owner._last = exception is null ? formatter(state, exception) : $"{formatter(state, exception)} ({exception.Message})";
            }

            if (logger.IsEnabled(logLevel))
            {
                logger.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }
}

/// <summary>Why each cluster of a tree is not there yet.</summary>
internal sealed class Waiting
{
    private const int MostNamed = 5;
    private readonly ConcurrentDictionary<string, LastWords> _words = new(StringComparer.Ordinal);

    /// <summary>The loggers for one cluster.</summary>
    public LastWords Loggers(string cluster, ILoggerFactory inner) => _words.GetOrAdd(cluster, _ => new LastWords(inner));

    /// <summary>Names, each with the last reason if one was told, such as <c>c1 (parent north not reached: ...)</c>; a few of them, then their number.</summary>
    public string For(IReadOnlyCollection<string> missing) =>
        string.Join(", ", missing.Order(StringComparer.Ordinal).Take(MostNamed).Select(name => _words.GetValueOrDefault(name)?.Last is { } last ? $"{name} ({last.TrimEnd('.')})" : name))
        + (missing.Count > MostNamed ? $" and {missing.Count - MostNamed} more" : "");
}
