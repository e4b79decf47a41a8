using System.CommandLine;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;

namespace Ote.Roles.Hosting;

/// <summary>Options that every role takes.</summary>
internal sealed class CommonOptions
{
    /// <summary>A hundred years: more than anything lasts, and far less than a clock can count.</summary>
    private const long LongestSeconds = 36500L * 86400;

    public Option<LogLevel> Level { get; } = new("--log-level")
    {
        Description = "Trace, Debug, Information, Warning or Error",
        DefaultValueFactory = _ => LogLevel.Information,
        CustomParser = typed =>
        {
            if (!Enum.TryParse(typed.Tokens[0].Value, ignoreCase: true, out LogLevel level) || !Enum.IsDefined(level))
            {
                typed.AddError($"--log-level: '{typed.Tokens[0].Value}' is none of Trace, Debug, Information, Warning and Error");
            }

            return level;
        },
    };

    public Option<bool> Json { get; } = new("--log-json") { Description = "Log one JSON object a line" };

    public Option<string?> Observe { get; } = new("--observe")
    {
        Description = "Serve /metrics, /healthz and /readyz over plain HTTP at this address, such as 127.0.0.1:9287",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(Level);
        command.Options.Add(Json);
        command.Options.Add(Observe);
    }

    public Task<int> RunAsync(ParseResult parsed, Func<RoleHost, Task> role) =>
        RoleHost.RunAsync(parsed.GetValue(Level), parsed.GetValue(Json), role);

    public Task<int> RunAsync(ParseResult parsed, Func<RoleHost, Task<int>> job) =>
        RoleHost.RunAsync(parsed.GetValue(Level), parsed.GetValue(Json), job);

    /// <summary>Reads a whole number of seconds, minutes, hours or days, such as <c>90s</c> or <c>30d</c>; null when the option was not given.</summary>
    public static TimeSpan? Duration(ParseResult parsed, Option<string?> option)
    {
        if (parsed.GetValue(option) is not { } text)
        {
            return null;
        }

        var unit = text.Length > 1 ? text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 } : 0;
        return unit > 0 && long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number <= LongestSeconds / unit ? TimeSpan.FromSeconds(number * unit) : throw new RoleException($"{option.Name}: '{text}' is longer than 100 years; give less")
            : throw new RoleException($"{option.Name}: '{text}' is no duration; write for instance 90s, 12h or 30d");
    }

    /// <summary>Reads <c>address:port</c>; the option's name stands in the error.</summary>
    public static IPEndPoint? EndPoint(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is not { } text ? null
        : IPEndPoint.TryParse(text, out var endPoint) && text.Contains(':', StringComparison.Ordinal) ? endPoint
        : throw new RoleException($"{option.Name}: '{text}' is not an IP address with a port; write for instance 127.0.0.1:8287 or 0.0.0.0:8287");
}
