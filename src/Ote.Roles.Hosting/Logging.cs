using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Ote.Roles.Hosting;

/// <summary>The log of a role: one line an entry on standard error, for people or as JSON.</summary>
internal static class Logging
{
    private const string JsonTimestamp = "yyyy-MM-ddTHH:mm:ss.fffZ";
    private const string Timestamp = JsonTimestamp + " ";

    /// <summary>Registers an <see cref="ILoggerFactory"/>. What a role has to say on standard output is for programs; the log goes to standard error.</summary>
    /// <remarks>
    /// Each options type is registered as an object. The usual way, an open generic service, has the container put together some thirty types at run
    /// time, which an executable compiled ahead of time pays with 10 ms and 2 MB at each start.
    /// </remarks>
    public static void AddTo(IServiceCollection services, LogLevel level, bool json)
    {
        var filter = new LoggerFilterOptions { MinLevel = level };
        filter.AddFilter("Microsoft", level > LogLevel.Warning ? level : LogLevel.Warning);
        // A listener that cannot start is told by the exception that RunAsync turns into one line.
        filter.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        services.AddLogging(log => log.AddConsole());
        services.AddSingleton<ILoggerFactory>(made => new LoggerFactory(made.GetServices<ILoggerProvider>(), filter));
        Fix(services, new ConsoleLoggerOptions { FormatterName = json ? ConsoleFormatterNames.Json : ConsoleFormatterNames.Simple, LogToStandardErrorThreshold = LogLevel.Trace });
        Fix(services, new SimpleConsoleFormatterOptions { SingleLine = true, UseUtcTimestamp = true, TimestampFormat = Timestamp });
        Fix(services, new JsonConsoleFormatterOptions { UseUtcTimestamp = true, TimestampFormat = JsonTimestamp });
        Fix(services, new ConsoleFormatterOptions());
    }

    private static void Fix<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] T>(IServiceCollection services, T value)
        where T : class => services.AddSingleton<IOptionsMonitor<T>>(new Fixed<T>(value));

    /// <summary>Options that never change.</summary>
    private sealed class Fixed<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] T>(T value) : IOptionsMonitor<T>
    {
        public T CurrentValue => value;

        public T Get(string? name) => value;

        public IDisposable? OnChange(Action<T, string?> listener) => null;
    }
}
