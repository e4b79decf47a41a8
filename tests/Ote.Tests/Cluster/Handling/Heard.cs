using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Ote.Tests.Cluster.Handling;

/// <summary>Keeps every line that is logged, at any level, and lets tests wait for one.</summary>
internal sealed class Heard : ILoggerFactory, ILogger
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>The line with which a text has been logged so many times.</summary>
    public async Task<string> UntilAsync(string text, int times = 1)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            Task more;
            lock (_gate)
            {
                more = _more.Task;
                if (_lines.Where(line => line.Contains(text, StringComparison.Ordinal)).Skip(times - 1).FirstOrDefault() is { } found)
                {
                    return found;
                }
            }

            await more.WaitAsync(patience.Token);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{logLevel} {eventId.Id} {formatter(state, exception)} {exception}");
        lock (_gate)
        {
            _lines.Add(line);
            _more.TrySetResult();
            _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
